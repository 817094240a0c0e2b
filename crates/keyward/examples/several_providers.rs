//! One program, several providers: keys are chosen at each, and one report tells about all.
//!
//! Runs without keys: `cargo run --example several_providers`. With real ones, add them the same way:
//! `keyward.add_key(ProviderId::ANTHROPIC, "production", secret)`.

use std::time::Duration;

use keyward::{ChatRequest, Error, Keyward, Options, Outcome, ProviderId, Strategy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let keyward = Keyward::open(Options::temporary()).await?;
    // Two built-in providers stand for two vendors.
    let (west, east) = (ProviderId::named("west"), ProviderId::named("east"));
    keyward.add_provider(west.clone(), "sandbox://west").await?;
    keyward.add_provider(east.clone(), "sandbox://east").await?;
    keyward.add_key(west.clone(), "first", "example-key-west-one".to_owned()).await?;
    keyward.add_key(west.clone(), "second", "example-key-west-two".to_owned()).await?;
    keyward.add_key(east.clone(), "only", "example-key-east".to_owned()).await?;
    keyward.set_strategy(west.clone(), Strategy::RoundRobin).await?;

    println!("The same model at two providers:");
    for model in ["west/sandbox-small", "west/sandbox-small", "east/sandbox-small"] {
        let answer = keyward.chat(ChatRequest::new(model).user("Where are you?")).await?;
        println!("  {model:<20}  served by {}/{}", answer.provider, answer.key);
    }

    println!();
    println!("One key of west is told to slow down; the best that is left:");
    let lease = keyward.next_key(west.clone()).await?;
    lease.report(Outcome::rate_limited(Duration::from_mins(5))).await?;
    for provider in [&west, &east] {
        let lease = keyward.best_key(provider.clone()).await?;
        println!("  {provider:<20}  {}", lease.key());
        lease.report(Outcome::unused()).await?;
    }

    println!();
    println!("{}", keyward.report().await?);
    keyward.close().await
}
