"""Tokens that issuers give out, as each documents them: cloud, forges, CI, chat, payment, mail, AI, registries, more.

Of a format that is documented by its source alone (Grafana, Synapse, the package indexes) the source is followed.
"""

from __future__ import annotations

import json
from random import Random

from . import making
from .making import ALNUM, BASE32, BASE64, DIGITS, HEX, LETTERS, LOWER, LOWNUM, UPNUM, UPPER, URLSAFE, b64, draw, uuid
from .secret import Kind, Secret, around, crc, key, made, rare, shape, written


def _bedrock(random: Random) -> Secret:
    name = "BedrockAPIKey" + written(random, "-", (LOWNUM, 4), "-at-", (DIGITS, 12), ":")
    secret = b64((name + draw(random, BASE64, 61)).encode())
    return Secret("ABSK" + secret, (secret[20:],))


def _sentry(random: Random) -> Secret:
    facts = {
        "iat": 1767000000.5,
        "url": "https://sentry.example.com",
        "region_url": "https://de.example.com",
        "org": "acme",
    }
    secret = b64(random.randbytes(32)).rstrip("=")
    return Secret("sntrys_" + b64(json.dumps(facts, separators=(",", ":")).encode()) + "_" + secret, (secret,))


def _grafana_cloud(random: Random) -> Secret:
    facts = {"o": "123456", "n": "loader-token", "k": draw(random, ALNUM, 24), "m": {"r": "eu"}}
    secret = b64(json.dumps(facts, separators=(",", ":")).encode())
    return Secret("glc_" + secret, (secret[20:],))


def _onepassword(random: Random) -> Secret:
    facts = {"signInAddress": "acme.example.com", "userAuth": {"alg": "PBES2g-HS256"}, "email": "x@example.com"}
    facts |= {
        "srpX": draw(random, HEX, 64),
        "muk": {"k": making.b64url(random.randbytes(32))},
        "secretKey": uuid(random),
    }
    secret = making.b64json(facts)
    return Secret("ops_" + secret, (secret[20:],))


def _mapbox(random: Random) -> Secret:
    claims = making.b64json({"u": "acme", "a": "c" + draw(random, LOWNUM, 24)})
    secret = f"{claims}.{draw(random, URLSAFE, 22)}"
    return Secret("sk." + secret, (secret,))


def _discord(random: Random) -> Secret:
    user = making.b64url(draw(random, "123456789", 18).encode())
    secret = written(random, ".G", (URLSAFE, 5), ".", (URLSAFE, 38))
    return Secret(user + secret, (secret,))


CLOUD = (
    shape("aws-access-key", "AWS access key id: AKIA, 16 of A-Z2-7", made("AKIA", (BASE32, 16))),
    shape("aws-temporary-key", "AWS temporary access key id: ASIA, 16 of A-Z2-7", made("ASIA", (BASE32, 16))),
    shape("aws-bedrock-key", "Amazon Bedrock long-term key: ABSK, base64 of name, account and secret", _bedrock),
    shape("gcp-api-key", "Google API key: AIza, 35 url-safe", made("AIza", "Sy", (URLSAFE, 33))),
    shape("gcp-client-secret", "Google OAuth client secret: GOCSPX-, 28 url-safe", made("GOCSPX" + "-", (URLSAFE, 28))),
    shape("gcp-access-token", "Google OAuth access token: ya29., url-safe", made("ya29" + ".", "a0A", (URLSAFE, 200))),
    shape(
        "gcp-refresh-token", "Google OAuth refresh token: 1//0, url-safe", made("1//" + "0", (DIGITS, 1), (URLSAFE, 98))
    ),
    shape(
        "azure-client-secret",
        "Entra client secret: 40 characters, 8Q~ after the third",
        made("", (ALNUM, 3), "8Q~", (ALNUM + "._-", 34)),
    ),
    shape(
        "azure-devops-token",
        "Azure DevOps token: 84 characters, AZDO at 76",
        made("", (ALNUM, 52), "JQQJ99", "B", (UPPER[:12], 1), "ACAAAAA", (ALNUM, 9), "AZDO", (ALNUM, 4)),
    ),
    shape(
        "azure-ai-key",
        "Azure identifiable key: 84 characters, JQQJ99 at 52, ACOG at 76",
        made(
            "",
            (ALNUM, 52),
            "JQQJ99",
            "B",
            (UPPER[:12], 1),
            "AC",
            (ALNUM, 5),
            "XJ3w3AAA",
            (ALNUM, 1),
            "ACOG",
            (ALNUM, 4),
        ),
    ),
    shape("alibaba-access-key", "Alibaba Cloud access key id: LTAI, 20 characters", made("LTAI", "5t", (ALNUM, 18))),
    rare("tencent-secret-id", "Tencent Cloud secret id: AKID, 32 characters", made("AKID", (ALNUM, 32))),
    rare("yandex-api-key", "Yandex Cloud API key: AQVN, 36 url-safe", made("AQVN", (URLSAFE, 36))),
    shape("digitalocean-token", "DigitalOcean access token: dop_v1_, 64 hex", made("dop_v1" + "_", (HEX, 64))),
    shape("digitalocean-oauth", "DigitalOcean OAuth token: doo_v1_, 64 hex", made("doo_v1" + "_", (HEX, 64))),
    shape(
        "cloudflare-origin-key",
        "Cloudflare origin CA key: v1.0-, 24 hex, 146 hex",
        made("v1.0" + "-", (HEX, 24), "-", (HEX, 146)),
    ),
    shape("flyio-token", "Fly.io macaroon: fm2_, base64", made("FlyV1 " + "fm2_", "lJPE", key(180))),
    shape("heroku-key", "Heroku API key: HRKU-AA, 58 url-safe", made("HRKU" + "-", "AA", (URLSAFE, 58))),
    rare(
        "vercel-blob",
        "Vercel Blob token: store id and 30 characters",
        made("vercel_blob" + "_rw_", (ALNUM, 16), "_", (ALNUM, 30)),
    ),
    shape("netlify-token", "Netlify access token: nfp_, 36 characters", made("nfp" + "_", (ALNUM, 36))),
    shape("supabase-token", "Supabase access token: sbp_, 40 hex", made("sbp" + "_", (HEX, 40))),
    shape(
        "supabase-secret-key",
        "Supabase secret key: sb_secret_, 22 url-safe, 8 of checksum",
        made("sb_secret" + "_", (URLSAFE, 22), "_", (URLSAFE, 8)),
    ),
    shape(
        "planetscale-password", "PlanetScale password: pscale_pw_, 43 url-safe", made("pscale_pw" + "_", (URLSAFE, 43))
    ),
    shape(
        "planetscale-token",
        "PlanetScale service token: pscale_tkn_, 43 url-safe",
        made("pscale_tkn" + "_", (URLSAFE, 43)),
    ),
    rare("neon-key", "Neon API key: napi_, 64 of a-z0-9", made("napi" + "_", (LOWNUM, 64))),
    shape("databricks-token", "Databricks personal access token: dapi, 32 hex", made("dapi", (HEX, 32))),
    shape("vault-token", "HashiCorp Vault service token: hvs., url-safe", made("hvs" + ".", "CAESI", (URLSAFE, 90))),
    shape(
        "vault-batch-token", "HashiCorp Vault batch token: hvb., url-safe", made("hvb" + ".", "AAAAAQ", (URLSAFE, 138))
    ),
    shape(
        "terraform-token",
        "HCP Terraform token: 14 characters, .atlasv1., 67 characters",
        made("", (ALNUM, 14), ".atlasv1" + ".", (ALNUM, 67)),
    ),
    shape("doppler-token", "Doppler personal token: dp.pt., 43 characters", made("dp.pt" + ".", (ALNUM, 43))),
    shape(
        "doppler-service-token",
        "Doppler service token: dp.st.<config>., 43 characters",
        made("dp.st" + ".", "prd.", (ALNUM, 43)),
    ),
    shape("pulumi-token", "Pulumi access token: pul-, 40 hex", made("pul" + "-", (HEX, 40))),
    shape("onepassword-token", "1Password service account token: ops_, base64url of JSON", _onepassword),
    rare(
        "onepassword-secret-key",
        "1Password secret key: A3-, six groups",
        made("A3" + "-", *[part for n in (6, 6, 5, 5, 5) for part in ((UPNUM, n), "-")], (UPNUM, 5)),
    ),
    shape(
        "tailscale-key",
        "Tailscale auth key: tskey-auth-, id, secret",
        made("tskey" + "-auth-", "k", (ALNUM, 11), "CNTRL-", (ALNUM, 32)),
    ),
)

FORGES = (
    shape("github-token", "GitHub personal access token: ghp_, 30 characters, CRC-32", made("ghp" + "_", crc(30))),
    shape("github-oauth", "GitHub OAuth token: gho_", made("gho" + "_", crc(30))),
    shape("github-user-to-server", "GitHub App user token: ghu_", made("ghu" + "_", crc(30))),
    shape("github-server-to-server", "GitHub App installation token: ghs_", made("ghs" + "_", crc(30))),
    shape("github-refresh", "GitHub App refresh token: ghr_, 76 characters", made("ghr" + "_", crc(70))),
    shape(
        "github-fine-grained",
        "GitHub fine-grained token: github_pat_, 22, 59",
        made("github_pat" + "_", (ALNUM, 22), "_", (ALNUM, 59)),
    ),
    shape("gitlab-token", "GitLab personal access token: glpat-, 20 url-safe", made("glpat" + "-", (URLSAFE, 20))),
    shape("gitlab-deploy-token", "GitLab deploy token: gldt-, 20 url-safe", made("gldt" + "-", (URLSAFE, 20))),
    shape(
        "gitlab-runner-token",
        "GitLab runner authentication token: glrt-, 20 url-safe",
        made("glrt" + "-", (URLSAFE, 20)),
    ),
    shape("gitlab-trigger-token", "GitLab pipeline trigger token: glptt-, 40 hex", made("glptt" + "-", (HEX, 40))),
    shape(
        "gitlab-job-token",
        "GitLab CI job token: glcbt-, partition, 20 url-safe",
        made("glcbt" + "-", (HEX, 2), "_", (URLSAFE, 20)),
    ),
    shape("gitlab-feed-token", "GitLab feed token: glft-, 20 url-safe", made("glft" + "-", (URLSAFE, 20))),
    shape(
        "gitlab-agent-token",
        "GitLab agent for Kubernetes token: glagent-, 50 url-safe",
        made("glagent" + "-", (URLSAFE, 50)),
    ),
    shape("gitlab-oauth-secret", "GitLab OAuth application secret: gloas-, 64 hex", made("gloas" + "-", (HEX, 64))),
    shape(
        "bitbucket-app-password",
        "Bitbucket app password: ATBB, 32 characters",
        made("ATBB", (ALNUM, 24), (HEX.upper(), 8)),
    ),
    rare("bitbucket-http-token", "Bitbucket Data Center token: BBDC-, base64", made("BBDC" + "-", key(32))),
    shape(
        "atlassian-token",
        "Atlassian API token: ATATT3, url-safe, = and 8 hex",
        made("ATATT" + "3xFfGF0", (URLSAFE, 172), "=", (HEX.upper(), 8)),
    ),
    rare("sourcegraph-token", "Sourcegraph token: sgp_, 16 hex, 40 hex", made("sgp" + "_", (HEX, 16), "_", (HEX, 40))),
)

CI = (
    shape(
        "circleci-token",
        "CircleCI personal token: CCIPAT_, 22, 40 hex",
        made("CCIPAT" + "_", (ALNUM, 22), "_", (HEX, 40)),
    ),
    shape(
        "circleci-project-token",
        "CircleCI project token: CCIPRJ_, 22, 40 hex",
        made("CCIPRJ" + "_", (ALNUM, 22), "_", (HEX, 40)),
    ),
    shape("buildkite-token", "Buildkite API token: bkua_, 40 hex", made("bkua" + "_", (HEX, 40))),
    shape("sonar-token", "SonarQube token: squ_, 40 hex", made("squ" + "_", (HEX, 40))),
    shape("sonar-project-token", "SonarQube project token: sqp_, 40 hex", made("sqp" + "_", (HEX, 40))),
    rare("octopus-key", "Octopus Deploy API key: API-, upper case", made("API" + "-", (UPNUM, 30))),
    rare(
        "harness-token",
        "Harness token: pat., account, id, secret",
        made("pat" + ".", (ALNUM, 22), ".", (HEX, 24), ".", (ALNUM, 20)),
    ),
    shape("prefect-key", "Prefect API key: pnu_, 36 characters", made("pnu" + "_", (ALNUM, 36))),
)

CHAT = (
    shape(
        "slack-bot-token",
        "Slack bot token: xoxb-, team, bot, 24 characters",
        made("xoxb" + "-", (DIGITS, 12), "-", (DIGITS, 13), "-", (ALNUM, 24)),
    ),
    shape(
        "slack-user-token",
        "Slack user token: xoxp-, three ids, 32 hex",
        made("xoxp" + "-", *[part for _ in range(3) for part in ((DIGITS, 12), "-")], (HEX, 32)),
    ),
    shape(
        "slack-app-token",
        "Slack app token: xapp-1-, app, id, 64 hex",
        made("xapp" + "-1-", "A", (UPNUM, 10), "-", (DIGITS, 13), "-", (HEX, 64)),
    ),
    shape("slack-refresh-token", "Slack refresh token: xoxe-1-, 146 characters", made("xoxe" + "-1-", (ALNUM, 146))),
    shape(
        "slack-webhook",
        "Slack incoming webhook URL",
        around("https://hooks.slack.com/" + "services/", "T", (UPNUM, 10), "/B", (UPNUM, 10), "/", [(ALNUM, 24)]),
    ),
    shape("discord-bot-token", "Discord bot token: base64 of the user id, time, HMAC", _discord),
    shape(
        "discord-webhook",
        "Discord webhook URL",
        around("https://discord.com/" + "api/webhooks/", (DIGITS, 19), "/", [(URLSAFE, 68)]),
    ),
    shape(
        "telegram-token",
        "Telegram bot token: bot id, colon, 35 url-safe",
        made("", (DIGITS[1:], 10), ":AA", (URLSAFE, 33)),
    ),
    shape(
        "teams-webhook",
        "Microsoft Teams incoming webhook URL",
        around(
            "https://acme.webhook.office.com/" + "webhookb2/",
            uuid,
            "@",
            uuid,
            "/IncomingWebhook/",
            [(HEX, 32)],
            "/",
            uuid,
        ),
    ),
    shape(
        "google-chat-webhook",
        "Google Chat webhook URL: key and token",
        around(
            "https://chat.googleapis.com/v1/spaces/AAAA",
            (ALNUM, 7),
            "/messages?key=",
            ["AIza" + "Sy", (URLSAFE, 33)],
            "&token=",
            [(URLSAFE, 43)],
        ),
    ),
    rare("matrix-token", "Matrix access token of Synapse, with CRC-32", made("", making.matrix)),
)

PAYMENT = (
    shape("stripe-secret-key", "Stripe secret key: sk_live_, 99 characters", made("sk_live" + "_", "51", (ALNUM, 97))),
    shape(
        "stripe-short-key",
        "Stripe secret key of older accounts: sk_live_, 24 characters",
        made("sk_live" + "_", (ALNUM, 24)),
    ),
    shape("stripe-test-key", "Stripe test key: sk_test_, 99 characters", made("sk_test" + "_", "51", (ALNUM, 97))),
    shape(
        "stripe-restricted-key",
        "Stripe restricted key: rk_live_, 99 characters",
        made("rk_live" + "_", "51", (ALNUM, 97)),
    ),
    shape(
        "stripe-webhook-secret",
        "Stripe webhook signing secret: whsec_, 32 characters",
        made("whsec" + "_", (ALNUM, 32)),
    ),
    shape("square-access-token", "Square access token: EAAA, 60 url-safe", made("EAAA", (URLSAFE, 60))),
    shape(
        "square-client-secret", "Square application secret: sq0csp-, 43 url-safe", made("sq0csp" + "-", (URLSAFE, 43))
    ),
    shape(
        "braintree-token", "Braintree access token", made("access_token" + "$production$", (LOWNUM, 16), "$", (HEX, 32))
    ),
    shape("shopify-token", "Shopify admin token: shpat_, 32 hex", made("shpat" + "_", (HEX, 32))),
    shape("shopify-secret", "Shopify shared secret: shpss_, 32 hex", made("shpss" + "_", (HEX, 32))),
    shape("plaid-token", "Plaid access token: access-production-, UUID", made("access" + "-production-", uuid)),
    rare("flutterwave-key", "Flutterwave secret key: FLWSECK-, 32 hex, -X", made("FLWSECK" + "-", (HEX, 32), "-X")),
    rare(
        "paddle-key",
        "Paddle API key: pdl_live_apikey_, 26, 22, 3",
        made("pdl_live" + "_apikey_", (LOWNUM, 26), "_", (ALNUM, 22), "_", (ALNUM, 3)),
    ),
    rare("mollie-key", "Mollie API key: live_, 30 characters", made("live" + "_", (ALNUM, 30))),
    rare("easypost-key", "EasyPost production key: EZAK, 54 characters", made("EZAK", (ALNUM, 54))),
    rare("shippo-token", "Shippo live token: shippo_live_, 40 hex", made("shippo_live" + "_", (HEX, 40))),
    rare("duffel-token", "Duffel live token: duffel_live_, 43 url-safe", made("duffel_live" + "_", (URLSAFE, 43))),
)

MAIL = (
    shape(
        "sendgrid-key", "SendGrid API key: SG., 22, 43 url-safe", made("SG" + ".", (URLSAFE, 22), ".", (URLSAFE, 43))
    ),
    shape("mailgun-key", "Mailgun private key: key-, 32 hex", made("key" + "-", (HEX, 32))),
    shape("mailchimp-key", "Mailchimp API key: 32 hex, data centre", made("", (HEX, 32), "-us", (DIGITS[1:], 2))),
    shape(
        "brevo-key",
        "Brevo API key: xkeysib-, 64 hex, 16 characters",
        made("xkeysib" + "-", (HEX, 64), "-", (ALNUM, 16)),
    ),
    rare(
        "brevo-smtp-key",
        "Brevo SMTP key: xsmtpsib-, 64 hex, 16 characters",
        made("xsmtpsib" + "-", (HEX, 64), "-", (ALNUM, 16)),
    ),
    shape("resend-key", "Resend API key: re_, 8, 24 characters", made("re" + "_", (ALNUM, 8), "_", (ALNUM, 24))),
    rare("mailersend-token", "MailerSend token: mlsn., 64 hex", made("mlsn" + ".", (HEX, 64))),
)

AI = (
    shape(
        "openai-key", "OpenAI key: sk-, 20, T3BlbkFJ, 20", made("sk" + "-", (ALNUM, 20), "T3Blbk" + "FJ", (ALNUM, 20))
    ),
    shape(
        "openai-project-key",
        "OpenAI project key: sk-proj-",
        made("sk" + "-proj-", (URLSAFE, 74), "T3Blbk" + "FJ", (URLSAFE, 74)),
    ),
    shape(
        "openai-service-key",
        "OpenAI service account key: sk-svcacct-",
        made("sk" + "-svcacct-", (URLSAFE, 74), "T3Blbk" + "FJ", (URLSAFE, 74)),
    ),
    shape(
        "openai-admin-key",
        "OpenAI admin key: sk-admin-",
        made("sk" + "-admin-", (URLSAFE, 74), "T3Blbk" + "FJ", (URLSAFE, 74)),
    ),
    shape(
        "anthropic-key",
        "Anthropic API key: sk-ant-api03-, 93 url-safe, AA",
        made("sk" + "-ant-api03-", (URLSAFE, 93), "AA"),
    ),
    shape(
        "anthropic-admin-key",
        "Anthropic admin key: sk-ant-admin01-, 93 url-safe, AA",
        made("sk" + "-ant-admin01-", (URLSAFE, 93), "AA"),
    ),
    shape("huggingface-token", "Hugging Face token: hf_, 34 letters", made("hf" + "_", (LETTERS, 34))),
    shape("replicate-token", "Replicate token: r8_, 37 characters", made("r8" + "_", (ALNUM, 37))),
    shape("groq-key", "Groq key: gsk_, 52 characters", made("gsk" + "_", (ALNUM, 52))),
    shape("xai-key", "xAI key: xai-, 80 characters", made("xai" + "-", (ALNUM, 80))),
    shape("perplexity-key", "Perplexity key: pplx-, 48 characters", made("pplx" + "-", (ALNUM, 48))),
    shape("openrouter-key", "OpenRouter key: sk-or-v1-, 64 hex", made("sk" + "-or-v1-", (HEX, 64))),
    shape("deepseek-key", "DeepSeek key: sk-, 32 hex", made("sk" + "-", (HEX, 32))),
    shape("langsmith-key", "LangSmith key: lsv2_pt_, 32 hex, 10 hex", made("lsv2" + "_pt_", (HEX, 32), "_", (HEX, 10))),
    shape("nvidia-key", "NVIDIA API key: nvapi-, 64 url-safe", made("nvapi" + "-", (URLSAFE, 64))),
    shape("pinecone-key", "Pinecone key: pcsk_, id, 63 characters", made("pcsk" + "_", (ALNUM, 6), "_", (ALNUM, 63))),
    rare("elevenlabs-key", "ElevenLabs key: sk_, 48 hex", made("sk" + "_", (HEX, 48))),
    rare("tavily-key", "Tavily key: tvly-dev-, 32 characters", made("tvly" + "-dev-", (ALNUM, 32))),
    rare("cerebras-key", "Cerebras key: csk-, 48 of a-z0-9", made("csk" + "-", (LOWNUM, 48))),
    rare("e2b-key", "E2B key: e2b_, 40 hex", made("e2b" + "_", (HEX, 40))),
    rare("langfuse-key", "Langfuse secret key: sk-lf-, UUID", made("sk" + "-lf-", uuid)),
    rare("firecrawl-key", "Firecrawl key: fc-, 32 hex", made("fc" + "-", (HEX, 32))),
)

REGISTRIES = (
    shape("npm-token", "npm access token: npm_, 30 characters, CRC-32", made("npm" + "_", crc(30))),
    shape("pypi-token", "PyPI API token: a macaroon", made("", lambda random: making.pypi(random, "pypi" + ".org"))),
    shape(
        "test-pypi-token",
        "TestPyPI API token: a macaroon",
        made("", lambda random: making.pypi(random, "test.pypi" + ".org")),
    ),
    shape("rubygems-key", "RubyGems key: rubygems_, 48 hex", made("rubygems" + "_", (HEX, 48))),
    shape("crates-token", "crates.io token: cio, 32 characters", made("cio", (ALNUM, 32))),
    shape("nuget-key", "NuGet key: oy2, 43 of a-z0-9", made("oy2", (LOWER + "234567", 43))),
    shape("docker-token", "Docker access token: dckr_pat_, 27 url-safe", made("dckr_pat" + "_", (URLSAFE, 27))),
    rare(
        "docker-org-token", "Docker organisation token: dckr_oat_, 32 url-safe", made("dckr_oat" + "_", (URLSAFE, 32))
    ),
    rare("clojars-token", "Clojars deploy token: CLOJARS_, 60 hex", made("CLOJARS" + "_", (HEX, 60))),
    shape("jfrog-key", "JFrog API key: AKCp, 69 characters", made("AKCp", (ALNUM, 69))),
    rare(
        "jfrog-reference-token",
        "JFrog reference token: base64 of reftkn:01:<time>:<secret>",
        made("", lambda random: b64(written(random, "reftkn:01:17", (DIGITS, 8), ":", (ALNUM, 27)).encode())),
    ),
)

WATCHING = (
    shape("grafana-token", "Grafana service account token: glsa_, 32, CRC-32", made("", making.grafana)),
    shape("grafana-cloud-token", "Grafana Cloud token: glc_, base64 of JSON", _grafana_cloud),
    shape("newrelic-key", "New Relic user key: NRAK-, 27 characters", made("NRAK" + "-", (UPNUM, 27))),
    shape("newrelic-license", "New Relic license key: 36 hex, NRAL", made("", (HEX, 36), "NRAL")),
    shape("sentry-token", "Sentry organisation token: sntrys_, base64 of JSON, 43 characters", _sentry),
    shape("sentry-user-token", "Sentry user token: sntryu_, 64 hex", made("sntryu" + "_", (HEX, 64))),
    shape(
        "dynatrace-token",
        "Dynatrace token: dt0c01., 24, 64 of A-Z2-7",
        made("dt0c01" + ".", (BASE32, 24), ".", (BASE32, 64)),
    ),
    rare("honeycomb-key", "Honeycomb ingest key: hcaik_, 58 of a-z0-9", made("hcaik" + "_", (LOWNUM, 58))),
    rare("posthog-key", "PostHog personal key: phx_, 43 characters", made("phx" + "_", (ALNUM, 43))),
    rare("axiom-token", "Axiom API token: xaat-, UUID", made("xaat" + "-", uuid)),
    rare("logfire-token", "Logfire token: pylf_v1_eu_, 44 characters", made("pylf_v1" + "_eu_", (ALNUM, 44))),
)

SERVICES = (
    shape("notion-token", "Notion token: ntn_, 11 digits, 35 characters", made("ntn" + "_", (DIGITS, 11), (ALNUM, 35))),
    shape("notion-secret", "Notion secret of before 2024: secret_, 43 characters", made("secret" + "_", (ALNUM, 43))),
    shape("linear-key", "Linear key: lin_api_, 40 characters", made("lin_api" + "_", (ALNUM, 40))),
    shape("airtable-token", "Airtable token: pat, 14 characters, 64 hex", made("pat", (ALNUM, 14), ".", (HEX, 64))),
    shape("figma-token", "Figma token: figd_, 40 url-safe", made("figd" + "_", (URLSAFE, 40))),
    shape(
        "asana-token",
        "Asana token: 2/, user, token, 32 hex",
        made("2/", (DIGITS[1:], 16), "/", (DIGITS[1:], 16), ":", (HEX, 32)),
    ),
    shape("postman-key", "Postman key: PMAK-, 24 hex, 34 hex", made("PMAK" + "-", (HEX, 24), "-", (HEX, 34))),
    shape("contentful-token", "Contentful management token: CFPAT-, 43 url-safe", made("CFPAT" + "-", (URLSAFE, 43))),
    shape(
        "typeform-token", "Typeform token: tfp_, 44, 14 characters", made("tfp" + "_", (ALNUM, 44), "_", (ALNUM, 14))
    ),
    shape("dropbox-token", "Dropbox short-lived token: sl., url-safe", made("sl" + ".", "B", (URLSAFE, 134))),
    shape("hubspot-token", "HubSpot private app token: pat-na1-, UUID", made("pat" + "-na1-", uuid)),
    shape("mapbox-token", "Mapbox secret token: sk., base64 of JSON, 22 url-safe", _mapbox),
    rare("launchdarkly-key", "LaunchDarkly API token: api-, UUID", made("api" + "-", uuid)),
    shape(
        "okta-token",
        "Okta API token in its header: SSWS 00, 40 url-safe",
        made("Authorization: SSWS ", "00", (URLSAFE, 40)),
    ),
    rare("riot-key", "Riot Games key: RGAPI-, UUID", made("RGAPI" + "-", uuid)),
    rare("maxmind-key", "MaxMind license key: 6, 29 characters, _mmk", made("", (ALNUM, 6), "_", (ALNUM, 29), "_mmk")),
    rare(
        "salesforce-token",
        "Salesforce session id: organisation, !, 96 characters",
        made("00D", (ALNUM, 12), "!AQ", (ALNUM + "._", 94)),
    ),
    shape("facebook-token", "Facebook access token: EAA, letters and digits", made("EAA", (ALNUM, 180))),
    rare("trello-token", "Trello token: ATTA, 64 hex, checksum", made("ATTA", (HEX, 64), (HEX.upper(), 8))),
    rare("lichess-token", "Lichess personal token: lip_, 20 characters", made("lip" + "_", (ALNUM, 20))),
    rare("wakatime-key", "WakaTime key: waka_, UUID", made("waka" + "_", uuid)),
    rare("zuplo-key", "Zuplo consumer key: zpka_, 32 hex, 8 hex", made("zpka" + "_", (HEX, 32), "_", (HEX, 8))),
)

TOKENS: tuple[Kind, ...] = CLOUD + FORGES + CI + CHAT + PAYMENT + MAIL + AI + REGISTRIES + WATCHING + SERVICES
