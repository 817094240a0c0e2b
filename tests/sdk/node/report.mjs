// What the SDK scripts share: the environment they read and the lines they print.
//
// Every check prints `ok NAME` or `FAIL NAME: why`; `finish` exits with 1 if any failed.

import assert from "node:assert/strict";

const value = (name) => process.env[name] ?? "";

export const URL_BASE = value("KEYWARD_URL").replace(/\/+$/, "");
// A key that may use every model but the DENIED ones.
export const KEY = value("KEYWARD_KEY");
// A key that may use the DENIED models just as little, in case KEY may; falls back to KEY.
export const RESTRICTED_KEY = value("KEYWARD_RESTRICTED_KEY") || KEY;
// A key whose calls are answered 429.
export const LIMITED_KEY = value("KEYWARD_LIMITED_KEY");

export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB3UNq9AAAAABJRU5ErkJggg==";

// A model name out of KEYWARD_MODEL_<NAME>.
export const model = (name, otherwise) => process.env[`KEYWARD_MODEL_${name}`] ?? otherwise;

// A key of the right form that nobody issued.
export const wrongKey = () =>
  KEY.slice(0, -6) +
  [...KEY.slice(-6)]
    .map((c) => (/\d/.test(c) ? String((Number(c) + 1) % 10) : c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()))
    .join("");

let passed = 0;
let failed = 0;

export const check = async (name, body) => {
  try {
    await body();
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error?.name}: ${error?.message}`);
    console.error(error?.stack);
  }
};

// Asserts that `call` rejects with exactly the SDK's error class and this status, and returns the error.
export const rejects = async (kind, call, status) => {
  try {
    await call();
  } catch (error) {
    assert.equal(error?.constructor?.name, kind.name, `got ${error?.constructor?.name}: ${error?.message}`);
    assert.equal(error.status, status);
    return error;
  }
  throw new Error(`expected ${kind.name}, nothing was thrown`);
};

export const collect = async (stream) => {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
};

export const requireEnvironment = () => {
  const missing = ["KEYWARD_URL", "KEYWARD_KEY", "KEYWARD_LIMITED_KEY"].filter((name) => !process.env[name]);
  if (missing.length > 0) {
    console.error(`missing in the environment: ${missing.join(", ")}`);
    process.exit(2);
  }
};

// The last line and the exit code.
export const finish = () => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
};
