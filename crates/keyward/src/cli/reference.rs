//! `keyward reference`: pages of the documentation that the program writes about itself, so that they cannot drift.

use std::fmt::Write as _;
use std::time::Duration;

use keyward_domain::denial::{BudgetReached, Deadline, Denial, LimitReached};
use keyward_domain::ids::{BudgetId, LimitId, RequestId, TenantId};
use keyward_domain::limit::{LimitPeriod, Meter};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;

use super::session::Session;
use crate::config::{EXAMPLE, FIELDS, variable_for};

/// Which page.
#[derive(Debug, clap::Subcommand)]
pub enum Page {
    /// Every command with its options.
    Cli,
    /// Every refusal with its status.
    Errors,
    /// Every field of the config with its default.
    Config,
}

pub fn run(page: &Page, grammar: &clap::Command, session: &Session) {
    let text = match page {
        Page::Cli => commands(grammar),
        Page::Errors => errors(),
        Page::Config => fields(),
    };
    session.output.line(text.trim_end());
}

fn commands(grammar: &clap::Command) -> String {
    let mut text = String::from(
        "# Commands\n\nWritten by `keyward reference cli`. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 found something, \
         4 not reachable or not allowed. Secrets are read from a prompt, stdin or a file, never from an argument.\n",
    );
    let mut everywhere: Vec<_> = grammar.get_arguments().filter(|argument| argument.is_global_set()).collect();
    everywhere.retain(|argument| is_shown(argument));
    text.push_str("\nEvery command takes:\n\n");
    arguments(&mut text, everywhere.into_iter());
    for command in grammar.get_subcommands().filter(|command| !command.is_hide_set()) {
        describe(&mut text, command, "keyward");
    }
    text
}

fn describe(text: &mut String, command: &clap::Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        command.get_subcommands().for_each(|verb| describe(text, verb, &name));
        return;
    }
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let positional: String = command.get_positionals().filter(|argument| !argument.is_hide_set()).fold(
        String::new(),
        |mut line, argument| {
            let _ = write!(line, " {argument}");
            line
        },
    );
    let _ = write!(text, "\n## `{name}{positional}`\n\n{about}\n");
    let own: Vec<_> =
        command.get_arguments().filter(|argument| !argument.is_global_set() && is_shown(argument)).collect();
    if !own.is_empty() {
        text.push('\n');
        arguments(text, own.into_iter());
    }
}

/// Help and version need no page.
fn is_shown(argument: &clap::Arg) -> bool {
    !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
}

fn arguments<'a>(text: &mut String, all: impl Iterator<Item = &'a clap::Arg>) {
    for argument in all {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "- `{argument}`: {help}");
    }
}

fn fields() -> String {
    let mut text = String::from(
        "# Configuration\n\nWritten by `keyward reference config`. The config is `keyward.yaml` in the home, or the file that \
         `--config` names; everything in it has a default. A field that does not exist is an error, with its place and \
         the nearest known name; `keyward config check` tells all of them at once. Each field can be overridden by an \
         environment variable. A running server takes a changed file over by itself, as far as providers, keys, \
         aliases, budgets and limits on scopes go; other changes need a restart.\n\n",
    );
    let _ = write!(
        text,
        "```yaml\n{EXAMPLE}```\n\n| field | takes | default | what it does | variable |\n|---|---|---|---|---|\n"
    );
    for field in &FIELDS {
        let variable =
            if field.path.contains(['[', '<']) { String::new() } else { format!("`{}`", variable_for(field.path)) };
        let _ =
            writeln!(text, "| `{}` | {} | {} | {} | {variable} |", field.path, field.takes, field.default, field.does);
    }
    text
}

fn errors() -> String {
    let mut text = String::from(
        "# Refusals\n\nWritten by `keyward reference errors`. Every refusal of the data plane comes in the error shape of the \
         caller's own dialect, with this code, the request id and what to do about it.\n\n\
         | code | status | who says no | example |\n|---|---|---|---|\n",
    );
    for denial in examples() {
        let (code, status, origin) = (denial.code(), denial.status(), denial.origin().as_str());
        let _ = writeln!(text, "| `{code}` | {status} | {origin} | {} |", denial.message().replace('|', "\\|"));
    }
    text
}

/// One of each, with values that could be real.
fn examples() -> Vec<Denial> {
    let model = || "gpt-4o-mini".to_owned();
    let key = ("primary".to_owned(), "it is switched off".to_owned());
    let limit = LimitReached {
        limit: LimitId::from_bits(0),
        scope: Scope::Tenant(TenantId::DEFAULT),
        called: Some("team:research".into()),
        meter: Meter::Requests,
        quota: 100,
        period: Some(LimitPeriod::Minute),
        retry_after: Duration::from_secs(20),
    };
    let budget = BudgetReached {
        budget: BudgetId::from_bits(0),
        scope: Scope::Global,
        called: None,
        limit: Nanodollars(500_000_000_000),
        spent: Nanodollars(499_900_000_000),
        reserved: Nanodollars(60_000_000),
        needed: Nanodollars(50_000_000),
        resets_at: Timestamp::EPOCH,
    };
    vec![
        Denial::MissingCredential,
        Denial::InvalidKey("the checksum does not match: the key was mistyped or cut"),
        Denial::KeyInactive,
        Denial::AmbiguousCredentials,
        Denial::WrongKeyEnvironment("This is an admin token. The data plane wants a virtual key."),
        Denial::ModelNotAllowed(model()),
        Denial::OperationNotAllowed("embed"),
        Denial::AddressNotAllowed,
        Denial::ModelNotFound("gpt-4o-mni".to_owned(), vec![model()]),
        Denial::ModelAmbiguous(model(), vec!["openai".to_owned(), "proxy".to_owned()]),
        Denial::RouteNotFound,
        Denial::MethodNotAllowed,
        Denial::InvalidRequest("The body is not valid JSON.".to_owned(), None),
        Denial::UnsupportedParameter("stream_options"),
        Denial::Untranslatable("This model is served by Anthropic: use /v1/messages.".to_owned()),
        Denial::BodyTooLarge(32 << 20),
        Denial::RequestTimeout,
        Denial::RateLimited(Box::new(limit.clone())),
        Denial::RateLimited(Box::new(LimitReached {
            meter: Meter::Concurrency,
            quota: 4,
            period: None,
            ..limit.clone()
        })),
        Denial::RequestExceedsLimit(Box::new(LimitReached { meter: Meter::Tokens, ..limit.clone() })),
        Denial::LimitNotKnown(Box::new(LimitReached { retry_after: Duration::from_secs(1), ..limit })),
        Denial::BudgetExceeded(Box::new(budget)),
        Denial::ClaimNotAllowed("x-keyward-end-user"),
        Denial::TooManyGuesses(Duration::from_secs(2)),
        Denial::IdempotencyInProgress,
        Denial::IdempotencyMismatch,
        Denial::AlreadyProcessed { request: RequestId::from_bits(0), is_settled: true },
        Denial::AllKeysCooling(Duration::from_secs(7)),
        Denial::NoUsableKey(vec![key]),
        Denial::VaultLocked,
        Denial::PriceUnknown(model()),
        Denial::Overloaded("Too many calls are in flight."),
        Denial::UpstreamError("it answered with status 500".to_owned()),
        Denial::UpstreamMalformed("it is not HTTP".to_owned()),
        Denial::UpstreamRedirect,
        Denial::UpstreamTls("it has expired".to_owned()),
        Denial::UpstreamTimeout(Deadline::FirstContent, Duration::from_mins(2)),
        Denial::Internal,
    ]
}
