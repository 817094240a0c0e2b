// The official `@anthropic-ai/sdk` package, unmodified: only baseURL and apiKey are set.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import {
  KEY, LIMITED_KEY, PIXEL, RESTRICTED_KEY, URL_BASE, check, collect, finish, model, rejects, requireEnvironment, wrongKey,
} from "./report.mjs";

requireEnvironment();
const baseURL = URL_BASE;
const CHAT = model("ANTHROPIC_CHAT", "claude-haiku-4-5");
const DENIED = model("ANTHROPIC_DENIED", "claude-opus-4-5");

const client = new Anthropic({ baseURL, apiKey: KEY });
const HELLO = [{ role: "user", content: "Say hello, né 今." }];
const TOOL = {
  name: "weather",
  description: "Weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } },
};
const request = (more = {}) => ({ model: CHAT, max_tokens: 200, messages: HELLO, ...more });
const create = (more = {}) => client.messages.create(request(more));
const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

await check("models_list", async () => {
  assert.ok((await collect(client.models.list())).some((card) => card.id === CHAT));
});

await check("models_list_pages", async () => {
  assert.ok((await collect(client.models.list({ limit: 1 }))).some((card) => card.id === CHAT));
});

await check("models_get", async () => {
  assert.equal((await client.models.retrieve(CHAT)).id, CHAT);
});

await check("message", async () => {
  const answer = await create();
  assert.ok(textOf(answer));
  assert.equal(answer.stop_reason, "end_turn");
  assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
});

await check("message_stream_equals_message", async () => {
  const whole = await create();
  const events = await collect(await create({ stream: true }));
  const deltas = events.filter((event) => event.type === "content_block_delta" && event.delta.type === "text_delta");
  assert.equal(deltas.map((event) => event.delta.text).join(""), textOf(whole));
  const last = events.filter((event) => event.type === "message_delta").at(-1);
  assert.equal(last.usage.output_tokens, whole.usage.output_tokens);
});

await check("message_stream_helper", async () => {
  const final = await client.messages.stream(request()).finalMessage();
  assert.equal(textOf(final), textOf(await create()));
});

await check("message_cap", async () => {
  const answer = await create({ max_tokens: 3 });
  assert.equal(answer.stop_reason, "max_tokens");
  assert.equal(answer.usage.output_tokens, 3);
});

await check("system_and_cache_buckets", async () => {
  const system = [{ type: "text", text: "Remember that rule. ".repeat(40), cache_control: { type: "ephemeral" } }];
  await create({ system });
  const second = await create({ system });
  assert.ok(second.usage.cache_read_input_tokens > 0);
  assert.equal(second.usage.cache_creation_input_tokens, 0);
});

await check("thinking_stream", async () => {
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const final = await client.messages.stream(request({ max_tokens: 4000, thinking })).finalMessage();
  assert.deepEqual(final.content.map((block) => block.type), ["thinking", "text"]);
  assert.ok(final.content[0].signature);
});

await check("tools_round_trip", async () => {
  const first = await create({ tools: [TOOL] });
  assert.equal(first.stop_reason, "tool_use");
  const call = first.content.at(-1);
  assert.equal(typeof call.input.city, "string");
  const result = { type: "tool_result", tool_use_id: call.id, content: "4 degrees" };
  const messages = [...HELLO, { role: "assistant", content: first.content }, { role: "user", content: [result] }];
  assert.ok(textOf(await create({ messages, tools: [TOOL] })));
});

await check("tools_stream", async () => {
  const whole = await create({ tools: [TOOL] });
  const final = await client.messages.stream(request({ tools: [TOOL] })).finalMessage();
  assert.deepEqual(final.content.at(-1).input, whole.content.at(-1).input);
});

await check("image", async () => {
  const source = { type: "base64", media_type: "image/png", data: PIXEL };
  const content = [{ type: "image", source }, { type: "text", text: "What is this?" }];
  const answer = await create({ messages: [{ role: "user", content }] });
  const plain = await create({ messages: [{ role: "user", content: content.slice(1) }] });
  assert.ok(answer.usage.input_tokens > plain.usage.input_tokens);
});

await check("structured_output", async () => {
  const schema = {
    type: "object",
    properties: { name: { type: "string" }, capital: { type: "boolean" } },
    required: ["name", "capital"],
    additionalProperties: false,
  };
  const answer = await create({ output_config: { format: { type: "json_schema", schema } } });
  assert.equal(typeof JSON.parse(textOf(answer)).capital, "boolean");
});

await check("token_count", async () => {
  const counted = await client.messages.countTokens({ model: CHAT, messages: HELLO });
  assert.equal(counted.input_tokens, (await create()).usage.input_tokens);
});

await check("early_close", async () => {
  for await (const _ of await create({ stream: true })) break;
  assert.ok(textOf(await create()));
});

await check("error_bad_key", async () => {
  const other = new Anthropic({ baseURL, apiKey: wrongKey() });
  await rejects(Anthropic.AuthenticationError, () => other.messages.create(request()), 401);
  await rejects(Anthropic.AuthenticationError, () => other.models.list(), 401);
});

await check("error_unknown_model", async () => {
  await rejects(Anthropic.NotFoundError, () => create({ model: "no-such-model" }), 404);
});

await check("error_denied_model", async () => {
  const other = new Anthropic({ baseURL, apiKey: RESTRICTED_KEY });
  await rejects(Anthropic.PermissionDeniedError, () => other.messages.create(request({ model: DENIED })), 403);
});

await check("error_bad_request", async () => {
  await rejects(Anthropic.BadRequestError, () => create({ messages: [] }), 400);
});

await check("error_rate_limited", async () => {
  const other = new Anthropic({ baseURL, apiKey: LIMITED_KEY });
  await rejects(Anthropic.RateLimitError, () => other.messages.create(request(), { maxRetries: 0 }), 429);
});

finish();
