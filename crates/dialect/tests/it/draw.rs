//! Random choices and random JSON from one seed, so that a failing case is one number.

use std::fmt::Write as _;

/// A small generator; the same seed gives the same document.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound as u64).unwrap()
    }

    pub(crate) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn space(&mut self, out: &mut String) {
        if self.chance(25) {
            out.push_str(self.one(&[" ", "\n", "\t", "\r\n", "  ", " \n\t "]));
        }
    }

    /// A JSON string of this text, with escapes where they are needed and at random elsewhere.
    pub(crate) fn quote(&mut self, text: &str, out: &mut String) {
        out.push('"');
        let escape_some = self.chance(15);
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                c if escape_some && (c as u32) < 0x1_0000 && self.chance(30) => {
                    let _ = write!(out, "\\u{:04x}", c as u32);
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }

    /// A member name: one that matters, one that nearly does, or any.
    pub(crate) fn key(&mut self) -> &'static str {
        if self.chance(35) {
            return self.one(&[
                "model",
                "stream",
                "stream_options",
                "max_tokens",
                "max_completion_tokens",
                "n",
                "service_tier",
                "max_output_tokens",
                "api_base",
                "aws_region_name",
                "generationConfig",
                "requests",
                "best_of",
                "organization",
                "messages",
                "input",
                "prompt",
                "contents",
                "system",
                "instructions",
                "systemInstruction",
                "tools",
                "prompt_cache_key",
                "previous_response_id",
                "conversation",
                "container",
                "cachedContent",
                "file_id",
                "encrypted_content",
                "id",
                "vector_store_ids",
                "fileUri",
            ]);
        }
        self.one(&[
            "messages",
            "content",
            "role",
            "mode",
            "models",
            "\"model",
            "model\"",
            "\\model",
            "model\\",
            "stream ",
            "",
            "é",
            "temperature",
            "a key that is longer than any of the names that matter could ever be spelled",
            "input",
            "x:y",
        ])
    }

    /// Text that looks like JSON and is none.
    fn trap(&mut self) -> &'static str {
        self.one(&[
            "\"model\": \"x\"",
            "{\"stream\":true}",
            "\\",
            "\\\\",
            "\"",
            "\":",
            "\\\":",
            "model\":",
            ",\"n\":1}",
            "]}",
            "[{",
            "caf\u{e9} \u{2014} \u{1f600}",
            "plain text, nothing else",
            "",
            ":",
            "a\tb\nc",
            "\\\"model\\\":1",
        ])
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(5) {
            text.push_str(self.trap());
        }
        if self.chance(8) {
            let part = [self.trap(), "filler that makes it long"].concat();
            text.push_str(&part.repeat(1 + self.below(900)));
        }
        text
    }

    /// Any value, nested up to this depth.
    fn value(&mut self, depth: usize, out: &mut String) {
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => out.push_str(self.one(&["true", "false"])),
            1 => out.push_str("null"),
            2 => out.push_str(self.one(&["0", "-1", "12", "3.5", "1e3", "-0.25E-2", "256"])),
            3..6 => {
                let text = self.text();
                self.quote(&text, out);
            }
            6 => {
                out.push('[');
                for index in 0..self.below(5) {
                    if index > 0 {
                        out.push(',');
                    }
                    self.space(out);
                    self.value(depth - 1, out);
                    self.space(out);
                }
                out.push(']');
            }
            _ => self.object(depth - 1, 5, out),
        }
    }

    /// A value that this member may have; now and then one that it may not.
    fn value_of(&mut self, key: &str, depth: usize, out: &mut String) {
        if self.chance(4) {
            return self.value(depth, out);
        }
        match key {
            "model" | "service_tier" => {
                let name = self.one(&["gpt-4o-mini", "a/b", "caf\u{e9}", "with \"quotes\""]);
                self.quote(name, out);
            }
            "stream" => out.push_str(self.one(&["true", "false", "null"])),
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                out.push_str(self.one(&["1", "256", "null", "4096"]));
            }
            "n" | "best_of" => out.push_str(self.one(&["1", "2", "null"])),
            "stream_options" => out.push_str(self.one(&[
                "{}",
                "null",
                "{\"include_usage\":true}",
                "{ \"include_obfuscation\" : false }",
                "{\"include_usage\" : false}",
                "{\"include_obfuscation\":false,\"include_usage\":null}",
            ])),
            "generationConfig" => out.push_str(self.one(&["{}", "{\"maxOutputTokens\":9}", "{\"candidateCount\":2}"])),
            _ => self.value(depth, out),
        }
    }

    fn object(&mut self, depth: usize, most: usize, out: &mut String) {
        out.push('{');
        for index in 0..self.below(most + 1) {
            if index > 0 {
                out.push(',');
            }
            self.space(out);
            let key = self.key();
            self.quote(key, out);
            self.space(out);
            out.push(':');
            self.space(out);
            self.value_of(key, depth, out);
            self.space(out);
        }
        out.push('}');
    }

    /// A request body larger than this, valid JSON.
    pub(crate) fn body(&mut self, least: usize) -> String {
        let mut out = String::new();
        self.space(&mut out);
        out.push('{');
        let mut first = true;
        let mut used = Vec::new();
        let members = 2 + self.below(14);
        for index in 0.. {
            if index >= members && out.len() > least {
                break;
            }
            let key = self.key();
            // Mostly without duplicates, so that mostly there are facts to compare.
            if used.contains(&key) && !self.chance(3) {
                if index > 200 {
                    let filler = "filler".repeat(least / 6 + 1);
                    out.push_str(if first { "\"filler\":" } else { ",\"filler\":" });
                    self.quote(&filler, &mut out);
                    first = false;
                }
                continue;
            }
            used.push(key);
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            self.space(&mut out);
            self.quote(key, &mut out);
            self.space(&mut out);
            out.push(':');
            self.space(&mut out);
            self.value_of(key, 4, &mut out);
            self.space(&mut out);
        }
        out.push('}');
        self.space(&mut out);
        out
    }

    /// The text cut into pieces, some of them tiny.
    pub(crate) fn cut(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let style = self.below(4);
        let mut rest = bytes;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let most = match style {
                0 => 1,
                1 => 7,
                2 => 300,
                _ => rest.len(),
            };
            let (piece, behind) = rest.split_at((1 + self.below(most)).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = behind;
        }
        pieces
    }
}
