//! The command line: `keyward <noun> <verb>`, one file per command. Every command asks the running server when there
//! is one, and does the same work itself when there is none.

mod admin_token;
mod allowed;
mod argv;
mod data_plane;
mod failure;
mod globals;
mod output;
mod prompt;
mod session;
mod table;

mod audit;
mod budget;
mod completions;
mod config;
mod demo;
mod doctor;
mod health;
mod init;
mod key;
mod lease;
mod limit;
mod lock;
mod model;
mod openapi;
mod provider;
mod reference;
mod requests;
mod route;
mod serve;
mod status;
mod strategy;
mod team;
mod tenant;
mod unlock;
mod usage;
mod user;
mod vkey;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::Environment;
use failure::{Exit, Failure};
use globals::Globals;
use output::Output;
use session::Session;

/// Keeps an organisation's LLM provider keys and lets traffic through them.
///
/// Applications hold a virtual key and speak the API they already speak; the provider keys stay here, encrypted.
#[derive(Debug, Parser)]
#[command(
    name = "keyward",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything at once: a temporary server, a built-in provider, sample traffic. Needs no keys and no network.
    Demo(demo::Args),
    /// Set up an installation: home, root key, admin login, provider keys found here, first virtual key.
    Init(init::Args),
    /// Run the server: the data plane for clients and the control plane for operators.
    Serve(serve::Args),
    /// Provider keys: what authenticates us to a provider.
    #[command(subcommand)]
    Key(key::Verb),
    /// Leases: use a provider key directly for a short time.
    #[command(subcommand)]
    Lease(lease::Verb),
    /// Virtual keys: what applications hold.
    #[command(subcommand)]
    Vkey(vkey::Verb),
    /// Tenants: who the installation is divided among.
    #[command(subcommand)]
    Tenant(tenant::Verb),
    /// Teams of a tenant.
    #[command(subcommand)]
    Team(team::Verb),
    /// Users of a tenant.
    #[command(subcommand)]
    User(user::Verb),
    /// Providers: who we talk to.
    #[command(subcommand)]
    Provider(provider::Verb),
    /// Models, their prices, and the aliases that stand for them.
    #[command(subcommand)]
    Model(model::Verb),
    /// Which keys work, and how well.
    #[command(subcommand)]
    Health(health::Verb),
    /// Where a model's name leads, and which key would serve it.
    #[command(subcommand)]
    Route(route::Verb),
    /// How keys are chosen.
    #[command(subcommand)]
    Strategy(strategy::Verb),
    /// Budgets: what may be spent.
    #[command(subcommand)]
    Budget(budget::Verb),
    /// Limits: how fast callers may call.
    #[command(subcommand)]
    Limit(limit::Verb),
    /// Tokens and money, summed by any dimension.
    Usage(usage::Args),
    /// The request log.
    #[command(subcommand)]
    Requests(requests::Verb),
    /// One page of everything.
    Status(status::Args),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Admin tokens: who may administer what.
    #[command(subcommand)]
    AdminToken(admin_token::Verb),
    /// The config file.
    #[command(subcommand)]
    Config(config::Verb),
    /// Lock the vault: no provider key can be used until it is unlocked.
    Lock(lock::Args),
    /// Unlock the vault of a running server.
    Unlock(unlock::Args),
    /// Look for problems in the set-up.
    Doctor(doctor::Args),
    /// Print the control plane's OpenAPI description.
    Openapi(openapi::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
    /// Print reference pages for the documentation.
    #[command(subcommand, hide = true)]
    Reference(reference::Page),
}

/// Runs the program with these arguments and this environment.
pub fn run(arguments: &[String], environment: Environment) -> ExitCode {
    let no_colour = environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
    // Known before the arguments are understood, so that refusing them is readable for scripts too.
    let output = Output::new(arguments.iter().any(|argument| argument == "--json"), no_colour);
    let done = argv::refuse_secrets(arguments).and_then(|()| match Cli::try_parse_from(arguments) {
        Ok(cli) => Session::new(&cli.globals, environment, output).and_then(|session| dispatch(cli.command, &session)),
        Err(error) => refuse_usage(&error, output),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Help and version are no errors; everything else is wrong usage.
fn refuse_usage(error: &clap::Error, output: Output) -> Result<(), Failure> {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            output.line(text.to_string().trim_end());
            Ok(())
        }
        _ if output.json => Err(Failure::usage(error.render().to_string().trim_end().trim_start_matches("error: "))),
        _ => {
            output.note(error.render().to_string().trim_end());
            Err(Failure { exit: Exit::Usage, message: String::new() })
        }
    }
}

fn dispatch(command: Command, session: &Session) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(&args, session),
        Command::Init(args) => init::run(&args, session),
        Command::Serve(args) => serve::run(&args, session),
        Command::Key(verb) => key::run(verb, session),
        Command::Lease(verb) => lease::run(verb, session),
        Command::Vkey(verb) => vkey::run(verb, session),
        Command::Tenant(verb) => tenant::run(verb, session),
        Command::Team(verb) => team::run(verb, session),
        Command::User(verb) => user::run(verb, session),
        Command::Provider(verb) => provider::run(verb, session),
        Command::Model(verb) => model::run(verb, session),
        Command::Health(verb) => health::run(verb, session),
        Command::Route(verb) => route::run(verb, session),
        Command::Strategy(verb) => strategy::run(verb, session),
        Command::Budget(verb) => budget::run(verb, session),
        Command::Limit(verb) => limit::run(verb, session),
        Command::Usage(args) => usage::run(&args, session),
        Command::Requests(verb) => requests::run(verb, session),
        Command::Status(args) => status::run(&args, session),
        Command::Audit(verb) => audit::run(verb, session),
        Command::AdminToken(verb) => admin_token::run(verb, session),
        Command::Config(verb) => config::run(verb, session),
        Command::Lock(args) => lock::run(&args, session),
        Command::Unlock(args) => unlock::run(&args, session),
        Command::Doctor(args) => doctor::run(&args, session),
        Command::Openapi(args) => {
            openapi::run(&args, session);
            Ok(())
        }
        Command::Completions(args) => {
            completions::run(&args, &mut Cli::command(), session);
            Ok(())
        }
        Command::Reference(page) => {
            let mut grammar = Cli::command();
            grammar.build();
            reference::run(&page, &grammar, session);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
