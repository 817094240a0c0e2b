//! The calls of the day: conversations whose prompts grow from turn to turn, and calls that stand alone. The same seed
//! makes the same calls, whoever serves them.

use keyward_pool::Draw;

use super::day::Day;

/// Conversations of a whole day, of 1 to [`MAX_TURNS`] turns.
const CONVERSATIONS: u64 = 27_000;
/// Calls of a whole day that belong to no conversation.
const SINGLE_CALLS: u64 = 110_000;
const MAX_TURNS: u64 = 30;
/// What applications put before every prompt.
const SYSTEM_PROMPTS: u64 = 40;
/// How much of the day's traffic begins in each hour, relative to the others.
const CURVE: [u64; 24] = [2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 11, 10, 10, 11, 11, 10, 9, 7, 6, 5, 4, 3, 2];
/// A person reads and writes between two turns, in milliseconds.
const THINKING: (u64, u64) = (5_000, 120_000);
/// Times to the first content, in milliseconds.
const FIRST_CONTENT: (u64, u64) = (250, 1_500);
/// Milliseconds per token of an answer.
const PER_TOKEN_MS: u64 = 12;

/// A call.
#[derive(Clone, Copy)]
pub struct Call {
    /// When it arrives.
    pub at: u64,
    /// What its conversation, or it alone, is known by: a hash of the prompt's beginning.
    pub conversation: u64,
    /// Which system prompt its prompt begins with.
    pub system: u64,
    /// How long that is.
    pub system_tokens: u64,
    /// How much of its prompt was the prompt of the turn before; 0 in a first turn.
    pub repeated: u64,
    pub prompt: u64,
    pub output: u64,
    /// How long the first content takes when nothing is wrong, in milliseconds.
    pub first_content: u64,
    pub model: Model,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Model {
    /// Both providers have it.
    Large,
    /// Only the first provider has it.
    Small,
}

impl Model {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Small => "small",
        }
    }
}

impl Call {
    /// How long the answer takes from its first content to its end, in milliseconds.
    pub const fn answering(&self) -> u64 {
        self.output * PER_TOKEN_MS
    }
}

/// Tokens that all calls of the busiest hour ask for, those set aside for their answers included.
pub fn busiest_hour(day: Day, calls: &[Call], set_aside: u64) -> u64 {
    let mut hours = [0; CURVE.len()];
    for call in calls {
        let hour = usize::try_from(call.at * 24 / day.length).unwrap_or(usize::MAX);
        if let Some(tokens) = hours.get_mut(hour) {
            *tokens += call.prompt + set_aside;
        }
    }
    hours.into_iter().max().unwrap_or(0)
}

/// All calls, in the order of their arrival.
pub fn of_day(day: Day, seed: u64) -> Vec<Call> {
    let mut draw = Draw::seeded(seed);
    let mut calls = Vec::new();
    for _ in 0..day.share(CONVERSATIONS) {
        conversation(day, &mut draw, &mut calls);
    }
    for _ in 0..day.share(SINGLE_CALLS) {
        let at = time_of_day(day, &mut draw);
        calls.push(first_turn(at, &mut draw));
    }
    calls.sort_by_key(|call| (call.at, call.conversation));
    calls
}

/// Short conversations are many, long ones few.
fn conversation(day: Day, draw: &mut Draw, calls: &mut Vec<Call>) {
    let most = 1 + draw.below(MAX_TURNS);
    let turns = 1 + draw.below(most);
    let mut call = first_turn(time_of_day(day, draw), draw);
    for _ in 0..turns {
        if call.at >= day.length {
            return;
        }
        calls.push(call);
        call = next_turn(call, draw);
    }
}

fn first_turn(at: u64, draw: &mut Draw) -> Call {
    let system = draw.below(SYSTEM_PROMPTS);
    let system_tokens = 1_100 + Draw::seeded(system).below(4_000);
    Call {
        at,
        conversation: draw.number(),
        system,
        system_tokens,
        repeated: 0,
        prompt: system_tokens + between(draw, (20, 500)),
        output: between(draw, (50, 800)),
        first_content: between(draw, FIRST_CONTENT),
        // Every system prompt is one application's, and each asks one model.
        model: if system.is_multiple_of(4) { Model::Small } else { Model::Large },
    }
}

fn next_turn(last: Call, draw: &mut Draw) -> Call {
    let answered = last.at + last.first_content + last.answering();
    Call {
        at: answered + between(draw, THINKING),
        repeated: last.prompt,
        prompt: last.prompt + last.output + between(draw, (20, 500)),
        output: between(draw, (50, 800)),
        first_content: between(draw, FIRST_CONTENT),
        ..last
    }
}

fn time_of_day(day: Day, draw: &mut Draw) -> u64 {
    let mut left = draw.below(CURVE.iter().sum());
    let hour = CURVE.iter().position(|share| {
        let is_it = left < *share;
        left = left.saturating_sub(*share);
        is_it
    });
    let hour = u64::try_from(hour.unwrap_or(0)).unwrap_or(0);
    day.minute(hour * 60) + draw.below(day.hour())
}

fn between(draw: &mut Draw, (low, high): (u64, u64)) -> u64 {
    low + draw.below(high - low + 1)
}
