"""The official `anthropic` package, unmodified: only base_url and api_key are set."""

import asyncio

import anthropic
from pydantic import BaseModel

from report import KEY, LIMITED_KEY, PIXEL, RESTRICTED_KEY, URL, check, finish, model, raises, require_environment, wrong_key

require_environment()
CHAT = model("ANTHROPIC_CHAT", "claude-haiku-4-5")
DENIED = model("ANTHROPIC_DENIED", "claude-opus-4-5")

client = anthropic.Anthropic(base_url=URL, api_key=KEY)
HELLO = [{"role": "user", "content": "Say hello, né 今."}]
TOOL = {
    "name": "weather",
    "description": "Weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}


class City(BaseModel):
    name: str
    inhabitants: int
    capital: bool


def create(**more):
    return client.messages.create(**{"model": CHAT, "max_tokens": 200, "messages": HELLO, **more})


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@check
def models_list():
    assert CHAT in [card.id for card in client.models.list()]


@check
def models_list_pages():
    page = client.models.list(limit=1)
    assert len(page.data) == 1
    assert CHAT in [card.id for card in page], "the pages together hold every model"


@check
def models_get():
    assert client.models.retrieve(CHAT).id == CHAT


@check
def message():
    answer = create()
    assert text_of(answer) and answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


@check
def message_stream_equals_message():
    whole = create()
    events = list(create(stream=True))
    text = "".join(
        event.delta.text
        for event in events
        if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )
    assert text == text_of(whole)
    assert events[0].type == "message_start" and events[-1].type == "message_stop"
    last = [event for event in events if event.type == "message_delta"][-1]
    assert last.usage.output_tokens == whole.usage.output_tokens


@check
def message_stream_helper():
    whole = create()
    with client.messages.stream(model=CHAT, max_tokens=200, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == text_of(whole) == text_of(final)
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


@check
def message_cap():
    answer = create(max_tokens=3)
    assert answer.stop_reason == "max_tokens" and answer.usage.output_tokens == 3


@check
def system_and_cache_buckets():
    system = [{"type": "text", "text": "Remember this rule. " * 40, "cache_control": {"type": "ephemeral"}}]
    create(system=system)
    second = create(system=system)
    assert second.usage.cache_read_input_tokens > 0
    assert second.usage.cache_creation_input_tokens == 0


@check
def thinking():
    answer = create(max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024})
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].signature
    turns = HELLO + [{"role": "assistant", "content": answer.content}, {"role": "user", "content": "Go on."}]
    assert text_of(create(messages=turns))


@check
def thinking_stream():
    with client.messages.stream(
        model=CHAT, max_tokens=4000, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]


@check
def tools_round_trip():
    first = create(tools=[TOOL])
    assert first.stop_reason == "tool_use"
    call = first.content[-1]
    assert call.name == "weather" and isinstance(call.input["days"], int)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "4 degrees"}
    turns = HELLO + [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = create(messages=turns, tools=[TOOL])
    assert second.stop_reason == "end_turn" and text_of(second)


@check
def tools_stream():
    whole = create(tools=[TOOL])
    with client.messages.stream(model=CHAT, max_tokens=200, messages=HELLO, tools=[TOOL]) as stream:
        final = stream.get_final_message()
    assert final.content[-1].input == whole.content[-1].input
    assert final.stop_reason == "tool_use"


@check
def image():
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    answer = create(messages=[{"role": "user", "content": content}])
    plain = create(messages=[{"role": "user", "content": content[1:]}])
    assert answer.usage.input_tokens > plain.usage.input_tokens


@check
def structured_output():
    answer = client.messages.parse(model=CHAT, max_tokens=200, messages=HELLO, output_format=City)
    assert isinstance(answer.parsed_output, City)


@check
def token_count():
    counted = client.messages.count_tokens(model=CHAT, messages=HELLO)
    assert counted.input_tokens == create().usage.input_tokens


@check
def async_client():
    async def run():
        async with anthropic.AsyncAnthropic(base_url=URL, api_key=KEY) as other:
            whole = await other.messages.create(model=CHAT, max_tokens=200, messages=HELLO)
            async with other.messages.stream(model=CHAT, max_tokens=200, messages=HELLO) as stream:
                text = "".join([piece async for piece in stream.text_stream])
            assert text == text_of(whole)

    asyncio.run(run())


@check
def early_close():
    with client.messages.stream(model=CHAT, max_tokens=200, messages=HELLO) as stream:
        next(iter(stream))
    assert text_of(create())


@check
def request_id():
    assert create()._request_id


@check
def error_bad_key():
    other = anthropic.Anthropic(base_url=URL, api_key=wrong_key())
    raises(
        anthropic.AuthenticationError,
        lambda: other.messages.create(model=CHAT, max_tokens=9, messages=HELLO),
        401,
    )
    raises(anthropic.AuthenticationError, lambda: other.models.list(), 401)


@check
def error_bad_key_stream():
    other = anthropic.Anthropic(base_url=URL, api_key=wrong_key())
    raises(
        anthropic.AuthenticationError,
        lambda: other.messages.create(model=CHAT, max_tokens=9, messages=HELLO, stream=True),
        401,
    )


@check
def error_unknown_model():
    error = raises(anthropic.NotFoundError, lambda: create(model="no-such-model"), 404)
    assert error.body["error"]["type"] == "not_found_error"


@check
def error_denied_model():
    other = anthropic.Anthropic(base_url=URL, api_key=RESTRICTED_KEY)
    raises(
        anthropic.PermissionDeniedError,
        lambda: other.messages.create(model=DENIED, max_tokens=9, messages=HELLO),
        403,
    )


@check
def error_bad_request():
    error = raises(anthropic.BadRequestError, lambda: create(messages=[]), 400)
    assert error.body["error"]["type"] == "invalid_request_error"


@check
def error_sampling_is_gone_in_this_version():
    raises(anthropic.BadRequestError, lambda: create(extra_body={"temperature": 1.0}), 400)


@check
def older_version_still_samples():
    older = {"anthropic-version": "2023-06-01"}
    assert text_of(create(extra_body={"temperature": 0.5}, extra_headers=older))


@check
def error_rate_limited():
    other = anthropic.Anthropic(base_url=URL, api_key=LIMITED_KEY).with_options(max_retries=0)
    raises(
        anthropic.RateLimitError,
        lambda: other.messages.create(model=CHAT, max_tokens=9, messages=HELLO),
        429,
    )


finish()
