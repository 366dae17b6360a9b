"""The agent: a LangGraph graph of two nodes, the model and its tools, in turns until the model asks for no tool.

It knows nothing of records: the tools that it is given are recorded, and who runs it may give it callbacks.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from runstone import PolicyBlocked

Tools = Mapping[str, Callable[..., Any]]


def graph_of(
    model: BaseChatModel, tools: Tools, saver: BaseCheckpointSaver[str] | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph; its state is a list of messages, which a saver keeps where there is one."""

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def work(state: MessagesState) -> dict[str, Any]:
        message = state["messages"][-1]
        assert isinstance(message, AIMessage)
        return {"messages": [_answered(tools, dict(call)) for call in message.tool_calls]}

    def wants_tools(state: MessagesState) -> str:
        message = state["messages"][-1]
        return "work" if isinstance(message, AIMessage) and message.tool_calls else END

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("work", work)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", wants_tools, {"work": "work", END: END})
    graph.add_edge("work", "ask")
    return graph.compile(checkpointer=saver)


def _answered(tools: Tools, call: dict[str, Any]) -> ToolMessage:
    """What a tool answers, or in words why it does not."""
    try:
        answer = tools[call["name"]](**call["args"])
    except PolicyBlocked as exc:
        return ToolMessage(f"Blocked: {exc.message}", name=call["name"], tool_call_id=call["id"], status="error")
    except ValueError as exc:
        return ToolMessage(f"Failed: {exc}", name=call["name"], tool_call_id=call["id"], status="error")
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"])
