"""The official `google-genai` package, unmodified: only base_url and api_key are set."""

import asyncio
import base64

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from report import KEY, LIMITED_KEY, PIXEL, RESTRICTED_KEY, URL, check, finish, model, raises, require_environment, wrong_key

require_environment()
CHAT = model("GEMINI_CHAT", "gemini-2.5-flash")
EMBEDDING = model("GEMINI_EMBEDDING", "gemini-embedding-001")
DENIED = model("GEMINI_DENIED", "gemini-2.5-pro")
HELLO = "Say hello, né 今."


def connect(key, **more):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL, **more))


client = connect(KEY)


class City(BaseModel):
    name: str
    inhabitants: int
    capital: bool


WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="Weather of a city",
            parameters=types.Schema(
                type="OBJECT",
                properties={"city": types.Schema(type="STRING"), "days": types.Schema(type="INTEGER")},
            ),
        )
    ]
)


@check
def models_list():
    assert "models/" + CHAT in [card.name for card in client.models.list()]


@check
def models_list_pages():
    assert "models/" + CHAT in [card.name for card in client.models.list(config={"page_size": 1})]


@check
def models_get():
    assert client.models.get(model=CHAT).name == "models/" + CHAT


@check
def generate():
    answer = client.models.generate_content(model=CHAT, contents=HELLO)
    usage = answer.usage_metadata
    assert answer.text and answer.candidates[0].finish_reason == "STOP"
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count > 0


@check
def generate_stream_equals_generate():
    whole = client.models.generate_content(model=CHAT, contents=HELLO)
    chunks = list(client.models.generate_content_stream(model=CHAT, contents=HELLO))
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert chunks[-1].usage_metadata.candidates_token_count == whole.usage_metadata.candidates_token_count
    assert len(chunks) > 3


@check
def generate_on_v1beta():
    beta = connect(KEY, api_version="v1beta")
    whole = client.models.generate_content(model=CHAT, contents=HELLO)
    assert beta.models.generate_content(model=CHAT, contents=HELLO).text == whole.text
    assert "models/" + CHAT in [card.name for card in beta.models.list()]


@check
def system_and_cap():
    config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=3, temperature=0.2)
    answer = client.models.generate_content(model=CHAT, contents=HELLO, config=config)
    assert answer.candidates[0].finish_reason == "MAX_TOKENS"
    assert answer.usage_metadata.candidates_token_count == 3


@check
def thinking():
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=64))
    answer = client.models.generate_content(model=CHAT, contents=HELLO, config=config)
    assert answer.usage_metadata.thoughts_token_count > 0
    assert answer.candidates[0].content.parts[0].thought


@check
def tools_round_trip():
    config = types.GenerateContentConfig(tools=[WEATHER])
    first = client.models.generate_content(model=CHAT, contents=HELLO, config=config)
    call = first.function_calls[0]
    assert call.name == "weather" and call.args["days"] == 7
    turns = [
        types.Content(role="user", parts=[types.Part.from_text(text=HELLO)]),
        first.candidates[0].content,
        types.Content(
            role="user",
            parts=[types.Part.from_function_response(name="weather", response={"output": "4 degrees"})],
        ),
    ]
    assert client.models.generate_content(model=CHAT, contents=turns, config=config).text


@check
def tools_stream():
    config = types.GenerateContentConfig(tools=[WEATHER])
    chunks = list(client.models.generate_content_stream(model=CHAT, contents=HELLO, config=config))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [call.name for call in calls] == ["weather"]


@check
def image():
    part = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    answer = client.models.generate_content(model=CHAT, contents=["What is this?", part])
    plain = client.models.generate_content(model=CHAT, contents=["What is this?"])
    assert answer.usage_metadata.prompt_token_count > plain.usage_metadata.prompt_token_count


@check
def audio_inline():
    part = types.Part.from_bytes(data=bytes(4000), mime_type="audio/wav")
    assert client.models.generate_content(model=CHAT, contents=["Transcribe", part]).text


@check
def structured_output():
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    answer = client.models.generate_content(model=CHAT, contents=HELLO, config=config)
    assert isinstance(answer.parsed, City), answer.text


@check
def token_count():
    counted = client.models.count_tokens(model=CHAT, contents=HELLO)
    used = client.models.generate_content(model=CHAT, contents=HELLO).usage_metadata
    assert counted.total_tokens == used.prompt_token_count


@check
def embeddings():
    answer = client.models.embed_content(model=EMBEDDING, contents=["one", "two"])
    assert len(answer.embeddings) == 2 and answer.embeddings[0].values != answer.embeddings[1].values


@check
def chat_session():
    chat = client.chats.create(model=CHAT)
    assert chat.send_message("Hello").text and chat.send_message("And again").text


@check
def async_client():
    async def run():
        whole = await client.aio.models.generate_content(model=CHAT, contents=HELLO)
        text = ""
        async for chunk in await client.aio.models.generate_content_stream(model=CHAT, contents=HELLO):
            text += chunk.text or ""
        assert text == whole.text

    asyncio.run(run())


@check
def error_bad_key():
    other = connect(wrong_key())
    error = raises(errors.ClientError, lambda: other.models.generate_content(model=CHAT, contents=HELLO))
    # The vendor itself says 400 API_KEY_INVALID; a gateway's own keys are refused with 401.
    assert error.code in (400, 401), error
    raises(errors.ClientError, lambda: list(other.models.list()))


@check
def error_bad_key_stream():
    other = connect(wrong_key())
    error = raises(
        errors.ClientError, lambda: list(other.models.generate_content_stream(model=CHAT, contents=HELLO))
    )
    assert error.code in (400, 401), error


@check
def error_unknown_model():
    error = raises(
        errors.ClientError, lambda: client.models.generate_content(model="no-such-model", contents=HELLO), 404
    )
    assert error.status == "NOT_FOUND"


@check
def error_denied_model():
    other = connect(RESTRICTED_KEY)
    error = raises(errors.ClientError, lambda: other.models.generate_content(model=DENIED, contents=HELLO), 403)
    assert error.status == "PERMISSION_DENIED"


@check
def error_bad_request():
    config = types.GenerateContentConfig(temperature=9)
    error = raises(
        errors.ClientError, lambda: client.models.generate_content(model=CHAT, contents=HELLO, config=config), 400
    )
    assert error.status == "INVALID_ARGUMENT"


@check
def error_rate_limited():
    other = connect(LIMITED_KEY)
    error = raises(errors.ClientError, lambda: other.models.generate_content(model=CHAT, contents=HELLO), 429)
    assert error.status == "RESOURCE_EXHAUSTED"


finish()
