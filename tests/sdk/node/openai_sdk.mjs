// The official `openai` package, unmodified: only baseURL and apiKey are set.

import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import {
  KEY, LIMITED_KEY, PIXEL, RESTRICTED_KEY, URL_BASE, check, collect, finish, model, rejects, requireEnvironment, wrongKey,
} from "./report.mjs";

requireEnvironment();
const baseURL = `${URL_BASE}/v1`;
const CHAT = model("OPENAI_CHAT", "gpt-4o-mini");
const REASONING = model("OPENAI_REASONING", "gpt-5-mini");
const COMPLETION = model("OPENAI_COMPLETION", "gpt-3.5-turbo-instruct");
const EMBEDDING = model("OPENAI_EMBEDDING", "text-embedding-3-small");
const IMAGE = model("OPENAI_IMAGE", "gpt-image-1");
const SPEECH = model("OPENAI_SPEECH", "tts-1");
const TRANSCRIPTION = model("OPENAI_TRANSCRIPTION", "gpt-4o-transcribe");
const TRANSLATION = model("OPENAI_TRANSLATION", "whisper-1");
const MODERATION = model("OPENAI_MODERATION", "omni-moderation-latest");
const DENIED = model("OPENAI_DENIED", "gpt-4o");

const client = new OpenAI({ baseURL, apiKey: KEY });
const HELLO = [{ role: "system", content: "Be brief." }, { role: "user", content: "Say hello, né 今." }];
const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
};
const TOOL = { type: "function", function: { name: "weather", description: "Weather of a city", parameters: PARAMETERS } };
const create = (more = {}) => client.chat.completions.create({ model: CHAT, messages: HELLO, ...more });
const silence = () => toFile(Buffer.alloc(16000), "silence.wav", { type: "audio/wav" });

await check("models_list", async () => {
  assert.ok((await collect(client.models.list())).some((card) => card.id === CHAT));
});

await check("models_get", async () => {
  assert.equal((await client.models.retrieve(CHAT)).id, CHAT);
});

await check("chat", async () => {
  const answer = await create();
  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

await check("chat_stream_equals_chat", async () => {
  const whole = await create();
  const chunks = await collect(await create({ stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.ok(chunks.every((chunk) => !chunk.usage), "usage was not asked for");
});

await check("chat_stream_with_usage", async () => {
  const whole = await create();
  const chunks = await collect(await create({ stream: true, stream_options: { include_usage: true } }));
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage === null));
});

await check("chat_stream_helper", async () => {
  const final = await client.chat.completions.stream({ model: CHAT, messages: HELLO }).finalChatCompletion();
  assert.equal(final.choices[0].message.content, (await create()).choices[0].message.content);
});

await check("chat_cap", async () => {
  const answer = await create({ max_completion_tokens: 3 });
  assert.equal(answer.choices[0].finish_reason, "length");
  assert.equal(answer.usage.completion_tokens, 3);
});

await check("chat_reasoning", async () => {
  const answer = await create({ model: REASONING, reasoning_effort: "low" });
  assert.ok(answer.usage.completion_tokens_details.reasoning_tokens > 0);
});

await check("chat_tools_round_trip", async () => {
  const first = await create({ tools: [TOOL] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const call = first.choices[0].message.tool_calls[0];
  assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
  const result = { role: "tool", tool_call_id: call.id, content: "4 degrees" };
  const second = await create({ messages: [...HELLO, first.choices[0].message, result], tools: [TOOL] });
  assert.ok(second.choices[0].message.content);
});

await check("chat_tools_stream", async () => {
  const whole = await create({ tools: [TOOL] });
  const chunks = await collect(await create({ tools: [TOOL], stream: true }));
  const fragments = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
  const text = fragments.map((call) => call.function.arguments ?? "").join("");
  assert.equal(text, whole.choices[0].message.tool_calls[0].function.arguments);
});

await check("chat_image", async () => {
  const parts = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
  ];
  const answer = await create({ messages: [{ role: "user", content: parts }] });
  const plain = await create({ messages: [{ role: "user", content: parts.slice(0, 1) }] });
  assert.ok(answer.usage.prompt_tokens > plain.usage.prompt_tokens);
});

await check("chat_structured_output", async () => {
  const schema = { type: "object", properties: { name: { type: "string" }, capital: { type: "boolean" } } };
  const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema } };
  const answer = JSON.parse((await create({ response_format })).choices[0].message.content);
  assert.equal(typeof answer.name, "string");
  assert.equal(typeof answer.capital, "boolean");
});

await check("chat_early_close", async () => {
  const stream = await create({ stream: true });
  for await (const _ of stream) break;
  assert.ok((await create()).choices.length);
});

await check("completions", async () => {
  const prompt = { model: COMPLETION, prompt: "Once", max_tokens: 9 };
  const whole = await client.completions.create(prompt);
  const chunks = await collect(await client.completions.create({ ...prompt, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join(""), whole.choices[0].text);
});

await check("responses_stream_equals_responses", async () => {
  const whole = await client.responses.create({ model: CHAT, input: "Say hello." });
  assert.equal(whole.status, "completed");
  const events = await collect(await client.responses.create({ model: CHAT, input: "Say hello.", stream: true }));
  const deltas = events.filter((event) => event.type === "response.output_text.delta");
  assert.equal(deltas.map((event) => event.delta).join(""), whole.output_text);
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
  assert.equal(events.at(-1).response.usage.output_tokens, whole.usage.output_tokens);
});

await check("responses_tools", async () => {
  const tool = { type: "function", strict: false, ...TOOL.function };
  const answer = await client.responses.create({ model: CHAT, input: "Weather?", tools: [tool] });
  assert.equal(answer.output[0].type, "function_call");
  assert.ok(JSON.parse(answer.output[0].arguments).city);
});

await check("responses_token_count", async () => {
  const counted = await client.responses.inputTokens.count({ model: CHAT, input: "Say hello." });
  const used = await client.responses.create({ model: CHAT, input: "Say hello." });
  assert.equal(counted.input_tokens, used.usage.input_tokens);
});

await check("embeddings", async () => {
  const decoded = await client.embeddings.create({ model: EMBEDDING, input: ["one", "two"] });
  const plain = await client.embeddings.create({ model: EMBEDDING, input: ["one", "two"], encoding_format: "float" });
  assert.deepEqual([...decoded.data[1].embedding], plain.data[1].embedding);
  assert.ok(decoded.usage.prompt_tokens > 0);
});

await check("moderations", async () => {
  const answer = await client.moderations.create({ model: MODERATION, input: ["a flower", "raw violence"] });
  assert.deepEqual(answer.results.map((result) => result.flagged), [false, true]);
});

await check("images_generate", async () => {
  const answer = await client.images.generate({ model: IMAGE, prompt: "a grey pixel", n: 2 });
  assert.equal(answer.data.length, 2);
  assert.equal(Buffer.from(answer.data[0].b64_json, "base64").subarray(1, 4).toString(), "PNG");
});

await check("images_edit", async () => {
  const image = await toFile(Buffer.from(PIXEL, "base64"), "pixel.png", { type: "image/png" });
  const answer = await client.images.edit({ model: IMAGE, image, prompt: "greyer" });
  assert.ok(answer.usage.input_tokens_details.image_tokens > 0);
});

await check("audio_speech", async () => {
  const answer = await client.audio.speech.create({ model: SPEECH, voice: "alloy", input: "Good morning" });
  assert.ok((await answer.arrayBuffer()).byteLength > 100);
});

await check("audio_transcription_upload", async () => {
  const answer = await client.audio.transcriptions.create({ model: TRANSCRIPTION, file: await silence() });
  assert.ok(answer.text && answer.usage.total_tokens > 0);
});

await check("audio_translation_upload", async () => {
  assert.ok((await client.audio.translations.create({ model: TRANSLATION, file: await silence() })).text);
});

await check("error_bad_key", async () => {
  const other = new OpenAI({ baseURL, apiKey: wrongKey() });
  await rejects(OpenAI.AuthenticationError, () => other.chat.completions.create({ model: CHAT, messages: HELLO }), 401);
  await rejects(OpenAI.AuthenticationError, () => other.models.list(), 401);
});

await check("error_unknown_model", async () => {
  const error = await rejects(OpenAI.NotFoundError, () => create({ model: "no-such-model" }), 404);
  assert.equal(error.code, "model_not_found");
});

await check("error_denied_model", async () => {
  const other = new OpenAI({ baseURL, apiKey: RESTRICTED_KEY });
  const call = () => other.chat.completions.create({ model: DENIED, messages: HELLO });
  await rejects(OpenAI.PermissionDeniedError, call, 403);
});

await check("error_bad_request", async () => {
  await rejects(OpenAI.BadRequestError, () => create({ messages: [] }), 400);
});

await check("error_rate_limited", async () => {
  const other = new OpenAI({ baseURL, apiKey: LIMITED_KEY });
  const call = () => other.chat.completions.create({ model: CHAT, messages: HELLO }, { maxRetries: 0 });
  await rejects(OpenAI.RateLimitError, call, 429);
});

finish();
