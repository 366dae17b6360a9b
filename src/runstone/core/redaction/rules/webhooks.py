"""URLs that are secrets: whoever knows one may write, join or read."""

from __future__ import annotations

from runstone.core.redaction.rule import END, START, UUID, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


RULES: Final = (
    Rule(
        "slack-webhook",
        "Slack webhook URL",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9+/_-]{20,160})",
        ("hooks.slack.com/", "hooks.slack-gov.com/"),
        example="https://hooks.slack.com/services/" + "TOMOZUCSQNA/B9W2LQ34MX8/vcUs3xv4whWoiT2lSqvMA1Gi",
        counter="https://hooks.slack.com/services/...",
        source="Slack API, Incoming webhooks",
    ),
    Rule(
        "discord-webhook",
        "Discord webhook URL",
        r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{15,22}/(?P<secret>[A-Za-z0-9_-]{40,120})",
        ("discord.com/api/", "discordapp.com/api/"),
        example="https://discord.com/api/webhooks/8417070571724570299/"
        + "o7EObkrrZviozWwWMNCPSfnQC0-0l2NWdQ7DboQZ9utHBUEY5oThaZvp7jf17F4WFQLW",
        counter="https://discord.com/api/webhooks/8354522578864677722",
        source="Discord, Webhook resource",
    ),
    Rule(
        "teams-webhook",
        "Microsoft Teams incoming webhook URL",
        r"(?:webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook)/"
        + "(?P<secret>[A-Za-z0-9@/_-]{60,300})",
        ("webhook.office.com/", "outlook.office.com/", "outlook.office365.com/"),
        example="https://ledger.webhook.office.com/webhookb2/"
        + "47f3d1c4-beb3-2d64-0396-e7e10ade6e10@db5b2e43-d3a1-1703-03c2-4788d8578f67/IncomingWebhook/"
        + "04dddf5644a72c0fdfa44eeea1658dc4/2c044f2c-7857-b2e0-e04e-eb2fc0a3a014",
        counter="https://ledger.webhook.office.com/webhookb2/",
        source="Microsoft Teams, Create incoming webhooks",
    ),
    Rule(
        "google-chat-webhook",
        "Google Chat webhook URL",
        r"chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]{5,40}/messages\?" + "(?P<secret>[A-Za-z0-9_%&=.-]{40,300})",
        ("chat.googleapis.com/",),
        example="https://chat.googleapis.com/v1/spaces/fw2mCRYOVq4/messages?key="
        + "bBEOkHJIRyBPwo7sIwrpK6TMUqV88oQ4z8tFA8O&token=KGQp5qKb6R_6GPCurKjRQTxzgJtLLFfTVik1dIB9Mts",
        counter="https://chat.googleapis.com/v1/spaces/blsmwL17nHn/messages",
        source="Google Chat, Webhooks",
    ),
    Rule(
        "feishu-webhook",
        "Feishu or Lark webhook URL of a robot",
        r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/(?:v2/)?hook/(?P<secret>[A-Za-z0-9-]{16,64})",
        ("feishu.cn/open-apis/", "larksuite.com/open-apis/"),
        example="https://open.feishu.cn/open-apis/bot/v2/hook/" + "a1b87cea-4207-f20b-a083-4f6d2fe8e6b4",
        counter="https://open.feishu.cn/open-apis/bot/v2/info",
        source="Feishu, Custom bot guide",
    ),
    Rule(
        "dingtalk-webhook",
        "DingTalk webhook URL of a robot",
        r"oapi\.dingtalk\.com/robot/send\?access_token=(?P<secret>[a-f0-9]{40,80})",
        ("oapi.dingtalk.com/",),
        example="https://oapi.dingtalk.com/robot/send?access_token="
        + "5b154782e7fdf9a154d362071ee3b89af5a71a840434f547f1df3bf23617b168",
        counter="https://oapi.dingtalk.com/robot/send?access_token=",
        source="DingTalk, Custom robot",
    ),
    Rule(
        "wecom-webhook",
        "WeCom webhook URL of a robot",
        r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/(?:send"
        + r"|upload_media)\?(?:debug=[01]&)?key=(?P<secret>[A-Za-z0-9-]{16,64})",
        ("qyapi.weixin.qq.com/",),
        example="https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + "8cbb4b2c-0083-ed4d-e7d4-bb99eed17292",
        counter="https://qyapi.weixin.qq.com/cgi-bin/gettoken",
        source="WeCom, Group robot",
    ),
    Rule(
        "zapier-webhook",
        "Zapier webhook URL",
        r"hooks\.zapier\.com/hooks/(?:catch|standard)/(?P<secret>[0-9]{4,12}/[A-Za-z0-9]{5,40})",
        ("hooks.zapier.com/",),
        example="https://hooks.zapier.com/hooks/catch/" + "9816251/m892q88/",
        counter="https://hooks.zapier.com/docs",
        source="Zapier, Webhooks",
    ),
    Rule(
        "make-webhook",
        "Make webhook URL",
        r"hook\.(?:[a-z0-9]{2,8}\.)?make\.com/(?P<secret>[A-Za-z0-9]{24,64})",
        ("make.com/",),
        example="https://hook.eu1.make.com/" + "iophplky3wrd67shmbck6uewandqw7u1",
        counter="https://www.make.com/en/integrations",
        source="Make, Webhooks",
    ),
    Rule(
        "ifttt-key",
        "IFTTT webhook key in its URL",
        r"maker\.ifttt\.com/(?:trigger/[^\s/\"']{1,100}/(?:json/)?with"
        + "|use)/(?:key/)?(?P<secret>[A-Za-z0-9_-]{20,60})",
        ("maker.ifttt.com/",),
        example="https://maker.ifttt.com/trigger/done/with/key/" + "3VAOvJCsx3zyw1HHcgpNfjpUeQ0-TtIMHi3e-OnqQEE",
        counter="https://maker.ifttt.com/trigger/done",
        source="IFTTT, Webhooks",
    ),
    Rule(
        "pipedream-webhook",
        "Pipedream webhook URL",
        START + r"(?P<secret>[a-z0-9]{14,40})\.m\.pipedream\.net",
        (".m.pipedream.net",),
        example="https://eo" + "y8hftl8i6ul5t8qy.m.pipedream.net",
        counter="https://docs.m.pipedream.net",
        source="Pipedream, HTTP triggers",
    ),
    Rule(
        "chat-webhook",
        "Webhook URL of Mattermost or Rocket.Chat",
        "/hooks/(?P<secret>[a-z0-9]{26}|[A-Za-z0-9]{17,24}/[A-Za-z0-9]{40,64})" + END,
        ("/hooks/",),
        example="https://chat.example.org/hooks/" + "tuvb62xkr77csu9k9u9sk4y86z",
        counter="https://example.org/hooks/pre-commit",
        source="Mattermost, Incoming webhooks; Rocket.Chat, Integrations",
    ),
    Rule(
        "sumologic-collector",
        "Sumo Logic collector URL",
        r"sumologic\.com/receiver/v1/http/(?P<secret>[A-Za-z0-9+/_-]{40,400}={0,2})",
        ("sumologic.com/receiver/",),
        example="https://collectors.sumologic.com/receiver/v1/http/"
        + "uZqGKQIEs3RP9bOzHUm4miDgAuYVPoLrh3kR0u90B8ijildtU5n3Old5QcVoULCmW8kO45bkcV3qN3nVxXctWjaCCb"
        + "onfu8QbMi0yjXcmBg2W5uhAAjXzug4==",
        counter="https://collectors.sumologic.com/receiver/v1/http/",
        source="Sumo Logic, HTTP logs and metrics source",
    ),
    Rule(
        "loggly-input",
        "Loggly customer token in its input URL",
        r"loggly\.com/(?:inputs|bulk)/(?P<secret>" + UUID + ")" + END,
        ("loggly.com/inputs/", "loggly.com/bulk/"),
        example="https://logs-01.loggly.com/inputs/" + "1a9aa519-fbbc-ec42-d229-c25e51eec97e/tag/http/",
        counter="https://logs-01.loggly.com/inputs/",
        source="Loggly, Customer token",
    ),
    Rule(
        "rpc-url-key",
        "Key in the URL of an Infura, Alchemy or QuickNode endpoint",
        r"(?:infura\.io/v3|alchemy(?:api)?\.(?:com|io)/v2|quiknode\.pro)/(?P<secret>[A-Za-z0-9_-]{32,64})",
        (
            "infura.io/v3/",
            "alchemy.com/v2/",
            "alchemyapi.io/v2/",
            "alchemy.io/v2/",
            "alchemyapi.com/v2/",
            "quiknode.pro/",
        ),
        example="https://mainnet.infura.io/v3/" + "d239ab6df46b339b0c11b6b1794e046e",
        counter="https://mainnet.infura.io/v3/",
        source="Infura, Quickstart; Alchemy, Quickstart; QuickNode, Endpoint security",
    ),
    Rule(
        "azure-function-url",
        "Key in the URL of an Azure function",
        r"azurewebsites\.net/[^\s\"'<>?]{1,200}\?[^\s\"'<>#]{0,100}?code="
        + "(?P<secret>[A-Za-z0-9%+/_-]{20,100}={0,2})",
        ("azurewebsites.net/",),
        example="https://ledger.azurewebsites.net/api/report?code="
        + "QIfFT7He1IXfSCqLdPQDFBSj9YsqCkVyVFGGUQK3slTEbfbV2g3STL==",
        counter="https://ledger.azurewebsites.net/api/report?code=200",
        source="Azure Functions, Work with access keys",
    ),
    Rule(
        "zoom-passcode",
        "Passcode in a Zoom meeting URL",
        r"zoom\.us/[jsw]/[0-9]{9,11}\?(?:[a-z]{1,10}=[A-Za-z0-9._-]{1,40}&)?pwd=" + "(?P<secret>[A-Za-z0-9._-]{6,80})",
        ("zoom.us/",),
        example="https://example.zoom.us/j/48244985005?pwd=" + "H0Xxp1uihLLhHHWKZxJ9dXxrQnkCSKt7.1",
        counter="https://zoom.us/j/50587455041",
        source="Zoom, Joining by meeting link",
    ),
    Rule(
        "private-calendar",
        "Secret address of a Google calendar",
        r"calendar\.google\.com/calendar/ical/[^\s/\"']{1,200}/private-(?P<secret>[a-f0-9]{16,64})",
        ("calendar.google.com/",),
        example="https://calendar.google.com/calendar/ical/a%40example.org/private-"
        + "008659a3f8fdbae1639ad9330ee197c3/basic.ics",
        counter="https://calendar.google.com/calendar/ical/a%40example.org/public/basic.ics",
        source="Google Calendar, Secret address in iCal format",
    ),
    Rule(
        "otpauth-secret",
        "Seed of one-time passwords",
        r"otpauth://[ht]otp/[^\s\"'<>]{0,300}?[?&](?:amp;)?secret=(?P<secret>[A-Za-z2-7]{16,256})",
        ("otpauth://",),
        example="otpauth://totp/Ledger:a@example.org?issuer=Ledger&secret=" + "2WFHHNF7CUTCKENO2SQ5DC6ETQ4OADTY",
        counter="otpauth://totp/Ledger?issuer=Ledger",
        source="Key URI format of one-time passwords",
    ),
)
