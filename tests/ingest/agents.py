"""Agents as their programs write them, and what was recorded of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.scenes import events
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from runstone.engine.store import Store

from .openai_server import OpenAIServer


def chat_model(server: OpenAIServer, **facts: Any) -> ChatOpenAI:
    """A chat model of LangChain that speaks with the server."""
    return ChatOpenAI(model="gpt-test", base_url=server.url, api_key="none", **{"max_retries": 0, **facts})


def tool_agent(server: OpenAIServer, tools: list[BaseTool], *, handled: bool = True, **facts: Any) -> Any:
    """An agent of LangGraph that calls tools until its model answers."""
    model = chat_model(server, **facts).bind_tools(tools)

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    async def ask_async(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", RunnableLambda(ask, ask_async))
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=handled))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph


def question(text: str = "what is it?") -> dict[str, Any]:
    """What such an agent is asked."""
    return {"messages": [("user", text)]}


def calls(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    """Calls of tools and models, each with what came of it, in the order in which they began."""
    found: dict[str, dict[str, Any]] = {}
    for event in events(store, run_id):
        if event["type"] in ("tool.called", "model.called"):
            found[event["data"]["call"]] = {**event["data"], "kind": event["type"].split(".")[0]}
        elif event["type"] in ("tool.returned", "model.returned"):
            call = found[event["data"]["call"]]
            call.update({name: value for name, value in event["data"].items() if name != "model"})
            call["answered_by"] = event["data"].get("model")
    return list(found.values())


def tools_called(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    """Those of tools."""
    return [call for call in calls(store, run_id) if call["kind"] == "tool"]


def models_called(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    """Those of models."""
    return [call for call in calls(store, run_id) if call["kind"] == "model"]


def on_disk(store: Store) -> bytes:
    """Every byte below the store's root."""
    return b"".join(path.read_bytes() for path in sorted(Path(store.url).rglob("*")) if path.is_file())


def size_of(value: Any) -> int:
    """The size of JSON as a run measures it: canonical."""
    return len(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
