"""The official `openai` package, unmodified: only base_url and api_key are set."""

import asyncio
import base64
import json

import openai
from pydantic import BaseModel

from report import KEY, LIMITED_KEY, PIXEL, RESTRICTED_KEY, URL, check, finish, model, raises, require_environment, wrong_key

require_environment()
BASE = URL + "/v1"
CHAT = model("OPENAI_CHAT", "gpt-4o-mini")
REASONING = model("OPENAI_REASONING", "gpt-5-mini")
COMPLETION = model("OPENAI_COMPLETION", "gpt-3.5-turbo-instruct")
EMBEDDING = model("OPENAI_EMBEDDING", "text-embedding-3-small")
IMAGE = model("OPENAI_IMAGE", "gpt-image-1")
SPEECH = model("OPENAI_SPEECH", "tts-1")
TRANSCRIPTION = model("OPENAI_TRANSCRIPTION", "gpt-4o-transcribe")
TRANSLATION = model("OPENAI_TRANSLATION", "whisper-1")
MODERATION = model("OPENAI_MODERATION", "omni-moderation-latest")
DENIED = model("OPENAI_DENIED", "gpt-4o")

client = openai.OpenAI(base_url=BASE, api_key=KEY)
HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello, né 今."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
# A second of silence in a WAV envelope.
WAV = b"RIFF" + (36 + 16000).to_bytes(4, "little") + b"WAVEfmt " + bytes(
    [16, 0, 0, 0, 1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0]
) + b"data" + (16000).to_bytes(4, "little") + bytes(16000)


class City(BaseModel):
    name: str
    inhabitants: int
    capital: bool


@check
def models_list():
    names = [card.id for card in client.models.list()]
    assert CHAT in names, names


@check
def models_get():
    assert client.models.retrieve(CHAT).id == CHAT


@check
def chat():
    answer = client.chat.completions.create(model=CHAT, messages=HELLO)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


@check
def chat_stream_equals_chat():
    whole = client.chat.completions.create(model=CHAT, messages=HELLO)
    chunks = list(client.chat.completions.create(model=CHAT, messages=HELLO, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks), "usage was not asked for"
    assert len(chunks) > 3


@check
def chat_stream_with_usage():
    whole = client.chat.completions.create(model=CHAT, messages=HELLO)
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=CHAT, messages=HELLO, stream=True, stream_options=options))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])


@check
def chat_stream_helper():
    with client.chat.completions.stream(model=CHAT, messages=HELLO) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content


@check
def chat_cap():
    answer = client.chat.completions.create(model=CHAT, messages=HELLO, max_completion_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3


@check
def chat_reasoning():
    answer = client.chat.completions.create(model=REASONING, messages=HELLO, reasoning_effort="low")
    assert 0 < answer.usage.completion_tokens_details.reasoning_tokens < answer.usage.completion_tokens


@check
def chat_tools_round_trip():
    first = client.chat.completions.create(model=CHAT, messages=HELLO, tools=[TOOL])
    assert first.choices[0].finish_reason == "tool_calls"
    call = first.choices[0].message.tool_calls[0]
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str) and isinstance(arguments["days"], int)
    turns = HELLO + [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"}]
    second = client.chat.completions.create(model=CHAT, messages=turns, tools=[TOOL])
    assert second.choices[0].finish_reason == "stop" and second.choices[0].message.content


@check
def chat_tools_stream():
    whole = client.chat.completions.create(model=CHAT, messages=HELLO, tools=[TOOL])
    fragments, ids, names = "", [], []
    for chunk in client.chat.completions.create(model=CHAT, messages=HELLO, tools=[TOOL], stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            fragments += call.function.arguments or ""
            ids += [call.id] if call.id else []
            names += [call.function.name] if call.function.name else []
    expected = whole.choices[0].message.tool_calls[0]
    assert fragments == expected.function.arguments and ids == [expected.id] and names == ["weather"]


@check
def chat_image():
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL}},
    ]
    answer = client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": parts}])
    plain = client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": parts[:1]}])
    assert answer.usage.prompt_tokens > plain.usage.prompt_tokens


@check
def chat_structured_output():
    answer = client.chat.completions.parse(model=CHAT, messages=HELLO, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)


@check
def chat_json_mode():
    answer = client.chat.completions.create(model=CHAT, messages=HELLO, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


@check
def chat_early_close():
    stream = client.chat.completions.create(model=CHAT, messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(model=CHAT, messages=HELLO).choices


@check
def chat_async():
    async def run():
        async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY) as other:
            whole = await other.chat.completions.create(model=CHAT, messages=HELLO)
            stream = await other.chat.completions.create(model=CHAT, messages=HELLO, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            assert text == whole.choices[0].message.content

    asyncio.run(run())


@check
def completions():
    answer = client.completions.create(model=COMPLETION, prompt="Once", max_tokens=9)
    chunks = client.completions.create(model=COMPLETION, prompt="Once", max_tokens=9, stream=True)
    text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    assert text == answer.choices[0].text and answer.usage.completion_tokens > 0


@check
def responses():
    answer = client.responses.create(model=CHAT, input="Say hello.", instructions="Be brief.")
    assert answer.status == "completed" and answer.output_text
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0


@check
def responses_stream_equals_responses():
    whole = client.responses.create(model=CHAT, input="Say hello.")
    events = list(client.responses.create(model=CHAT, input="Say hello.", stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert events[-1].response.usage.output_tokens == whole.usage.output_tokens


@check
def responses_reasoning():
    answer = client.responses.create(model=REASONING, input="Think.", reasoning={"effort": "low", "summary": "auto"})
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage.output_tokens_details.reasoning_tokens > 0


@check
def responses_tools_round_trip():
    tool = {"type": "function", "strict": False, **TOOL["function"]}
    first = client.responses.create(model=CHAT, input="Weather in Oslo?", tools=[tool])
    call = first.output[0]
    assert call.type == "function_call" and json.loads(call.arguments)["city"]
    turns = [{"role": "user", "content": "Weather in Oslo?"}, call.model_dump(exclude_none=True)]
    turns += [{"type": "function_call_output", "call_id": call.call_id, "output": "4 degrees"}]
    assert client.responses.create(model=CHAT, input=turns, tools=[tool]).output_text


@check
def responses_image():
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": "data:image/png;base64," + PIXEL},
    ]
    assert client.responses.create(model=CHAT, input=[{"role": "user", "content": content}]).output_text


@check
def responses_structured_output():
    answer = client.responses.parse(model=CHAT, input="A city.", text_format=City)
    assert isinstance(answer.output_parsed, City)


@check
def responses_token_count():
    counted = client.responses.input_tokens.count(model=CHAT, input="Say hello.")
    used = client.responses.create(model=CHAT, input="Say hello.").usage
    assert counted.input_tokens == used.input_tokens


@check
def embeddings():
    decoded = client.embeddings.create(model=EMBEDDING, input=["one", "two"])
    plain = client.embeddings.create(model=EMBEDDING, input=["one", "two"], encoding_format="float")
    assert len(decoded.data) == 2 and decoded.usage.prompt_tokens > 0
    assert [list(item.embedding) for item in decoded.data] == [list(item.embedding) for item in plain.data]


@check
def moderations():
    answer = client.moderations.create(model=MODERATION, input=["a flower", "raw violence"])
    assert [result.flagged for result in answer.results] == [False, True]


@check
def images_generate():
    answer = client.images.generate(model=IMAGE, prompt="a grey pixel", n=2)
    assert len(answer.data) == 2 and base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG")
    assert answer.usage.total_tokens > 0


@check
def images_edit():
    picture = ("pixel.png", base64.b64decode(PIXEL), "image/png")
    answer = client.images.edit(model=IMAGE, image=picture, prompt="greyer")
    assert answer.data[0].b64_json and answer.usage.input_tokens_details.image_tokens > 0


@check
def audio_speech():
    sound = client.audio.speech.create(model=SPEECH, voice="alloy", input="Good morning").read()
    again = b"".join(client.audio.speech.create(model=SPEECH, voice="alloy", input="Good morning").iter_bytes())
    assert sound == again and len(sound) > 100


@check
def audio_transcription_upload():
    answer = client.audio.transcriptions.create(model=TRANSCRIPTION, file=("silence.wav", WAV, "audio/wav"))
    assert answer.text and answer.usage.type == "tokens" and answer.usage.total_tokens > 0


@check
def audio_transcription_stream():
    events = list(
        client.audio.transcriptions.create(model=TRANSCRIPTION, file=("silence.wav", WAV, "audio/wav"), stream=True)
    )
    assert "".join(event.delta for event in events[:-1]) == events[-1].text
    assert events[-1].usage.total_tokens > 0


@check
def audio_translation_upload():
    assert client.audio.translations.create(model=TRANSLATION, file=("silence.wav", WAV, "audio/wav")).text


@check
def raw_response_has_request_id():
    raw = client.chat.completions.with_raw_response.create(model=CHAT, messages=HELLO)
    assert raw.headers.get("x-request-id") and raw.parse().choices


@check
def error_bad_key():
    other = openai.OpenAI(base_url=BASE, api_key=wrong_key())
    error = raises(
        openai.AuthenticationError, lambda: other.chat.completions.create(model=CHAT, messages=HELLO), 401
    )
    assert error.code and error.message
    raises(openai.AuthenticationError, lambda: other.models.list(), 401)


@check
def error_bad_key_stream():
    other = openai.OpenAI(base_url=BASE, api_key=wrong_key())
    raises(
        openai.AuthenticationError,
        lambda: other.chat.completions.create(model=CHAT, messages=HELLO, stream=True),
        401,
    )


@check
def error_unknown_model():
    error = raises(
        openai.NotFoundError,
        lambda: client.chat.completions.create(model="no-such-model", messages=HELLO),
        404,
    )
    assert error.code == "model_not_found", error.code


@check
def error_denied_model():
    other = openai.OpenAI(base_url=BASE, api_key=RESTRICTED_KEY)
    raises(
        openai.PermissionDeniedError,
        lambda: other.chat.completions.create(model=DENIED, messages=HELLO),
        403,
    )


@check
def error_bad_request():
    raises(openai.BadRequestError, lambda: client.chat.completions.create(model=CHAT, messages=[]), 400)


@check
def error_rate_limited():
    other = openai.OpenAI(base_url=BASE, api_key=LIMITED_KEY).with_options(max_retries=0)
    error = raises(
        openai.RateLimitError, lambda: other.chat.completions.create(model=CHAT, messages=HELLO), 429
    )
    assert error.code, error


finish()
