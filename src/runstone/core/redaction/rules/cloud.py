"""Keys and tokens of the large clouds."""

from __future__ import annotations

from runstone.core.redaction.rule import (
    END,
    END_BASE64,
    END_GLUED,
    END_URLSAFE,
    SEPARATOR,
    START,
    START_BASE64,
    START_GLUED,
    UUID,
    Rule,
    named,
    start,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


RULES: Final = (
    Rule(
        "aws-access-key-id",
        "AWS access key id, which names the key that signs",
        START_GLUED + "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?<!EXAMPLE)" + END_GLUED,
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        example="aws_access_key_id = AKIA" + "WVVFRJNM5YFE2UUQ",
        counter="AKIA" + "XXXXXXXXXEXAMPLE",
        source="AWS IAM User Guide, IAM identifiers, unique identifiers",
    ),
    Rule(
        "aws-secret-access-key",
        "AWS secret access key, beside its name",
        "(?i:secret[_-]?access[_-]?key|aws[_-]?secret(?:[_-]?key)?)"
        + SEPARATOR
        + "(?P<secret>[A-Za-z0-9/+]{40})(?<!EXAMPLEKEY)"
        + END_BASE64,
        ("secretaccess", "secret_access", "secret-access", "awssecret", "aws_secret", "aws-secret"),
        example="AWS_SECRET_ACCESS_KEY=" + "hernPG7qem9qiWBk3NXHRfw08netWo/a3STkKIBY",
        counter="aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}",
        source="AWS IAM User Guide, Manage access keys for IAM users",
        folds=True,
    ),
    Rule(
        "aws-key-pair",
        "AWS secret access key behind its id",
        START_GLUED
        + r"(?:AKIA|ASIA)[A-Z0-9]{16}[\"']?(?:[ \t]{0,2}[:,;|/][ \t]{0,2}|[ \t]{1,4})[\"']?"
        + "(?P<secret>[A-Za-z0-9/+]{40})(?<!EXAMPLEKEY)"
        + END_BASE64,
        ("AKIA", "ASIA"),
        example="AKIA" + "WVVFRJNM5YFE2UUQ:" + "hernPG7qem9qiWBk3NXHRfw08netWo/a3STkKIBY",
        counter="AKIA" + "WVVFRJNM5YFE2UUQ, created on 2026-01-02",
        source="AWS IAM User Guide, Manage access keys for IAM users",
    ),
    Rule(
        "aws-session-token",
        "AWS session token of temporary credentials",
        START + "(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz|FQoDYXdz)[A-Za-z0-9+/%]{60,}={0,2}",
        ("IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz", "FQoDYXdz"),
        example="aws_session_token = IQoJb3JpZ2lu"
        + "eJo5WY+BuAWgwJoUPeBopiv9AH/2crV+e1Opmfuh9Jn9/AJMghFzIziFPEHzA5N3OuHbKnhd1R3FlX5Qp35RE2ljDW"
        + "BphskSWJhxfrvYlXshLzpl2Th2sQmHrT9Vl688c21t9OT2WCZiWRD09BDp3UXSZRpgHY+R==",
        counter="the prefix IQoJb3JpZ2lu alone",
        source="AWS IAM User Guide, Temporary security credentials",
    ),
    Rule(
        "aws-mws-token",
        "Amazon Marketplace Web Service token",
        START + r"amzn\.mws\." + UUID + END,
        ("amzn.mws.",),
        example="MWSAuthToken=amzn.mws." + "dda3f4ef-5af6-6aaa-0f7a-ae1dc11decef",
        counter="amzn.mws.932cadbb",
        source="Amazon MWS Developer Guide, authorization",
    ),
    Rule(
        "aws-login-secret",
        "Login with Amazon client secret",
        START + r"amzn1\.oa2-cs\.v1\.[a-f0-9]{64}" + END,
        ("amzn1.oa2-cs.",),
        example="client_secret: amzn1.oa2-cs.v1." + "273bc9adf233a3eeccaceb0ba1c140a85c10b912c2d0fce5cea41447d8c20f21",
        counter="amzn1.application-oa2-client.1135dc4b7f78fdc99670da0eca578a20",
        source="Login with Amazon, Register a security profile",
    ),
    Rule(
        "aws-bedrock-key",
        "Amazon Bedrock API key, long-term or short-term",
        START + "(?:ABSK[A-Za-z0-9+/]{80,400}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{40,}={0,2})",
        ("ABSK", "bedrock-api-key-"),
        example="AWS_BEARER_TOKEN_BEDROCK=ABSK"
        + "OJ+D/97WQwsHOkwYutKFZ764xQ8tpGZYGTf+j2WG8mw0kZrfcjk/vdAtTbmwTGBKGVjHwsHfieteNKEs8X7oyEptw1"
        + "OIgJoKMSa1IZK0YhfjxVE1rWHt7OYgOc/qYwft==",
        counter="ABSKIPPED: no tests were run",
        source="Amazon Bedrock User Guide, API keys",
    ),
    Rule(
        "aws-appsync-key",
        "AWS AppSync API key",
        START + "da2-[a-z0-9]{26}" + END,
        ("da2-",),
        example="x-api-key: da2-" + "hdvmaqrjxbq5quj40xax4s9bnc",
        counter="da2-q7kbdstc8u10",
        source="AWS AppSync Developer Guide, API_KEY authorization",
    ),
    Rule(
        "google-api-key",
        "Google API key: Maps, Firebase, Gemini and others",
        START + "AIza[A-Za-z0-9_-]{35}" + END_URLSAFE,
        ("AIza",),
        example="key=AIza" + "XNZQAwHfisTf80KUDdHhwuiPvhDN0oMlp9G",
        counter="AIzaw1BU8ZElIY0dMQDAIRtI",
        source="Google Cloud, Manage API keys",
    ),
    Rule(
        "google-auth-key",
        "Google authorization key of Gemini and Vertex AI",
        START + r"AQ\.Ab[A-Za-z0-9_-]{40,100}",
        ("AQ.Ab",),
        example="GEMINI_API_KEY=AQ.Ab" + "tqwN6Aw2XkGDkgvxwHVIWI0FqUqFsLyE1IEFrX5m8BHRqF-3CO",
        counter="FAQ.About us",
        source="Gemini API, Using API keys",
    ),
    Rule(
        "google-oauth-client-secret",
        "Google OAuth client secret",
        START + "GOCSPX-[A-Za-z0-9_-]{28}" + END_URLSAFE,
        ("GOCSPX-",),
        example='"client_secret": "GOCSPX-' + 'supqVr856EOlXydZPmqTUl5Jl6dX"',
        counter='"client_id": "282169896343-f3v2yumzn1ubwa3ma8gln0hnvhyrndxf.apps.googleusercontent.com"',
        source="Google Identity, OAuth 2.0 for web server applications",
    ),
    Rule(
        "google-access-token",
        "Google OAuth access token",
        START + r"ya29\.[A-Za-z0-9_.-]{20,}",
        ("ya29.",),
        example="access_token=ya29."
        + "kIpMfr_8heUdBr8XC93Kd-maEIL4p_HMbMqG_PQjfn7TAYSGf_ZLY_pq5VmJU6dO-zns3JO-OmcbsqVDTuuMNIhnoo"
        + "bHzwbvuq-bRjxyj-q4Iol_nmNYg8SzQ_MG1jgzSflUXah6OD8V",
        counter="ya29.short",
        source="Google Cloud, Token types, access tokens",
    ),
    Rule(
        "google-refresh-token",
        "Google OAuth refresh token",
        START_BASE64 + "1//0[A-Za-z0-9_-]{39,250}" + END_BASE64,
        ("1//",),
        example='"refresh_token": "1//0'
        + "4mSswTjn2QruxKoUGmHLAmOFgyDwITOfyoLIYXFtzvn21LkP2Am33BksCMgT9mPiWIfWXhxkWjxvhQg_SWkVRwFRIl"
        + 'm0CGaTzw"',
        counter="http://10.0.0.1//03/index.html",
        source="Google Cloud, Token types, refresh tokens",
    ),
    Rule(
        "google-hmac-key-id",
        "Google Cloud Storage HMAC access id, which names the key that signs",
        START + "GOOG1E[A-Z0-9]{55}" + END,
        ("GOOG1E",),
        example="gs_access_key_id = GOOG1E" + "UIFYERCK53JAUHY9MX9T5Y8H306I5620ESHFNMF482X3Q8Z3Y3FTQ43",
        counter="GOOG1E0YK96OV5LYHN6OCE0XU2",
        source="Google Cloud, HMAC keys",
    ),
    Rule(
        "google-fcm-server-key",
        "Firebase Cloud Messaging server key",
        START + "AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{130,140}",
        (":APA91b",),
        example="Authorization: key=AAAA"
        + "eUOP8JE:APA91b"
        + "TZj0pww489KIFyunlAP7cKDN1KphUA_-r65KOpAhUscpziQc10bTG001KRQ82ssJn_zEkP_p2MwHc14pGsHGQDjOoH"
        + "wZTHyCGuWkbd0ug25B_4xWfDq4IgGEYBnGJ2_Wk1Ngy7",
        counter="145587097415:APA91b",
        source="Firebase, Authorize legacy protocol send requests",
    ),
    Rule(
        "azure-connection-key",
        "Key in a connection string of Azure Storage, Cosmos DB, Service Bus, Event Hubs or IoT Hub",
        "(?i:AccountKey|SharedAccessKey)" + SEPARATOR + "(?P<secret>[A-Za-z0-9+/]{40,88}={0,2})" + END_BASE64,
        ("accountkey", "sharedaccesskey"),
        example="DefaultEndpointsProtocol=https;AccountName=ledger;AccountKey="
        + "rRRydIVni0u4yhDNnVoK/2Bq8iS7sxhn6x/n2r0gJ361WekrmQtPT/ZxDs07jvQJwn/i2OHE+8K2dt2TPWK7LV==;E"
        + "ndpointSuffix=core.windows.net",
        counter="SharedAccessKeyName=RootManageSharedAccessKey;",
        source="Azure Storage, Configure connection strings",
        folds=True,
    ),
    Rule(
        "azure-identifiable-key",
        "Azure key that carries the mark of its service: Storage, Functions, Search, Redis, DevOps and others",
        START_BASE64
        + "(?:[A-Za-z0-9+/]{76}(?:APIM|ACDb|[+](?:ABa|AMC|ASt))[A-Za-z0-9+/]{5}[AQgw]=="
        + "|[A-Za-z0-9+/]{33}(?:AIoT|AZEG|AzCa|[+](?:ASb|AEh|ARm))[A-P][A-Za-z0-9+/]{5}=?"
        + "|[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw]==|[A-Za-z0-9+/]{42}(?:AzSe"
        + "|[+]ACR)[A-D][A-Za-z0-9+/]{5}"
        + "|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{25,27}(?:==)?)"
        + END_BASE64,
        (
            "APIM",
            "ACDb",
            "+ABa",
            "+AMC",
            "+ASt",
            "AIoT",
            "AZEG",
            "AzCa",
            "+ASb",
            "+AEh",
            "+ARm",
            "AzFu",
            "AzSe",
            "+ACR",
            "AZDO",
            "JQQJ9",
        ),
        example="key: eHtkwTyp1ObrNyKSstwLxQOpGqL5J7Iln9ZMhWvkhaGbzCwsTr7QQ20jZaumjYEve7NFULZnrgAa" + "AZDOK2sv",
        counter="key: np0Vl3gmGxxjlrLdEQmoY7fXxuMQbTml0m9azW0zPFzyk8T0Y1RdrH4V3bMXAZDOy1K3",
        source="Microsoft, Identifiable secrets; Azure DevOps, Use personal access tokens",
    ),
    Rule(
        "azure-client-secret",
        "Microsoft Entra (Azure AD) client secret",
        start("A-Za-z0-9_~.-") + "[A-Za-z0-9_~.-]{3}[789]Q~[A-Za-z0-9_~.-]{31,34}" + "(?![A-Za-z0-9_~-])",
        ("7Q~", "8Q~", "9Q~"),
        example="AZURE_CLIENT_SECRET=5MM" + "8Q~enACbuOKWc7Zv5eQLSCZ7cHZbonm3fFkzL",
        counter="AZURE_CLIENT_ID=52ac1e13-964b-775e-522f-2fe0820aa5d5",
        source="Microsoft Entra, Add and manage application credentials",
    ),
    Rule(
        "azure-devops-token",
        "Azure DevOps personal access token of the older form, beside its name",
        named("azure[_ -]?devops|vsts|azdo") + "(?P<secret>[a-z2-7]{52})" + END,
        ("azuredevops", "azure_devops", "azure-devops", "azure devops", "vsts", "azdo"),
        example="AZURE_DEVOPS_EXT_TOKEN=6spcxbcnkkobr6qmn2mp5c3v75cq4kujzrhyylrnjtlslszeicyt",
        counter="AZURE_DEVOPS_TOKEN_ID=b3901bff-2ed8-6bee-8633-2dfe9ac78bda",
        source="Azure DevOps, Use personal access tokens",
        folds=True,
    ),
    Rule(
        "azure-subscription-key",
        "Key of Azure AI services or API Management in its header",
        "(?i:ocp-apim-subscription-key|apim-subscription-key)" + SEPARATOR + "(?P<secret>[A-Za-z0-9]{32,84})" + END,
        ("apim-subscription",),
        example="Ocp-Apim-Subscription-Key: 243070c04278fd09f93c6e78c45c05f4",
        counter="Ocp-Apim-Subscription-Region: westeurope",
        source="Azure AI services, Authenticate requests",
        folds=True,
    ),
    Rule(
        "alibaba-access-key-id",
        "Alibaba Cloud access key id, which names the key that signs",
        START + "LTAI[A-Za-z0-9]{12,24}" + END,
        ("LTAI",),
        example="accessKeyId: LTAI" + "uMtLhTaka1KUYUOGEW2I",
        counter="LTAIoyYjpr",
        source="Alibaba Cloud, Obtain an AccessKey pair",
    ),
    Rule(
        "alibaba-access-key-secret",
        "Alibaba Cloud access key secret, beside its name",
        named("alibaba|aliyun|alicloud") + "(?P<secret>[A-Za-z0-9]{30})" + END,
        ("alibaba", "aliyun", "alicloud"),
        example="ALIBABA_CLOUD_ACCESS_KEY_SECRET=3FxB7Qo55eBLRZETUkGsF7a7AVRvCQ",
        counter="ALIBABA_CLOUD_REGION_ID=cn-hangzhou",
        source="Alibaba Cloud, Obtain an AccessKey pair",
        folds=True,
    ),
    Rule(
        "tencent-secret-id",
        "Tencent Cloud secret id, which names the key that signs",
        START + "AKID[A-Za-z0-9]{13,40}" + END,
        ("AKID",),
        example="TENCENTCLOUD_SECRET_ID=AKID" + "46kfTlBFW9fcPfoyBoB5gYL7k8c0tbTh",
        counter="AKIDbHSLG",
        source="Tencent Cloud, Cloud Access Management, access keys",
    ),
    Rule(
        "tencent-secret-key",
        "Tencent Cloud secret key, beside its name",
        named("tencent|qcloud") + "(?P<secret>[A-Za-z0-9]{32})" + END,
        ("tencent", "qcloud"),
        example="TENCENTCLOUD_SECRET_KEY=ws8RyaPomnMjc3aZIMeNPgSVqo1NW4FT",
        counter="TENCENTCLOUD_REGION=ap-guangzhou",
        source="Tencent Cloud, Cloud Access Management, access keys",
        folds=True,
    ),
    Rule(
        "volcengine-access-key-id",
        "Volcano Engine access key id, which names the key that signs",
        START + "AKLT[A-Za-z0-9_-]{30,60}",
        ("AKLT",),
        example="VOLC_ACCESSKEY=AKLT" + "YVrjnw6qd2y6twCLzi4jRm3IlIy7PmJ9B4zLZumoXDL",
        counter="AKLTTNKSBgNg",
        source="Volcano Engine, access key management",
    ),
    Rule(
        "yandex-api-key",
        "Yandex Cloud API key",
        START + "AQVN[A-Za-z0-9_-]{35,38}" + END_URLSAFE,
        ("AQVN",),
        example="Authorization: Api-Key AQVN" + "vz2ltAWSe2EGFDl1RU_PJPhAXanYgjm0R4FK",
        counter="AQVNWcwc0TIhG",
        source="Yandex Cloud, API keys",
    ),
    Rule(
        "yandex-iam-token",
        "Yandex Cloud IAM token",
        START + r"t1\.[A-Za-z0-9_-]{20,400}={0,2}\.[A-Za-z0-9_-]{86}={0,2}",
        ("t1.",),
        example="YC_TOKEN=t1.9eud"
        + "uL-RAXtQI5Sbf5OeSof7jOD2zRGQBtoOheycKZa8HizaaNlA9Df2y4WJEZU5sm8JzCEYxKxkaoPpWALG3MKjG3yEeq"
        + "IMJENDnu1na11nkxlmV0TpCepbfjuf0Vm-wFgeC4C4IPJu_ovq4A_7mSXssF_hZ-uaip3X.i7L0ZPBz35XN4rW05vU"
        + "JPq9eyDuixyAlMopQHroNZk0K0nq9TEU0At7DKQHEmOs-mpLTNYVrwDX7mLZNyzbEfi",
        counter="https://t1.example.org/a.html",
        source="Yandex Cloud, IAM tokens",
    ),
    Rule(
        "yandex-oauth-token",
        "Yandex OAuth token",
        START + "y[0-3]_[A-Za-z0-9_-]{50,64}" + END_URLSAFE,
        ("y0_", "y1_", "y2_", "y3_"),
        example="OAuth y0_" + "FyKRo4Rf_8OzbNV3ejhX4L0t8C3IdJxDwXYRGuog2_a3X4ZdfBWjyDs0",
        counter="array0_of_values_and_y0_offsets_of_the_second_axis",
        source="Yandex ID, OAuth tokens",
    ),
    Rule(
        "ibm-cloud-key",
        "IBM Cloud API key, beside its name",
        named("ibm[_ -]?cloud|bluemix|softlayer") + "(?P<secret>[A-Za-z0-9_-]{44})" + END_URLSAFE,
        ("ibmcloud", "ibm_cloud", "ibm-cloud", "ibm cloud", "bluemix", "softlayer"),
        example="IBMCLOUD_API_KEY=NVUwP9pBjZbHdIIrkpNed15IrPtLLvAj2gNW8VHflueW",
        counter="IBMCLOUD_API_KEY_ID=ApiKey-8b5a9179-88b4-ccaf-87cc-e01285dbada5",
        source="IBM Cloud, Managing user API keys",
        folds=True,
    ),
)
