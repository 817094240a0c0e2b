//! What calls consumed and cost, per key, to the nano-dollar: calls through Keyward and calls of your own.
//!
//! Runs without keys: `cargo run --example usage_tracking`.

use std::time::Duration;

use keyward::{ChatRequest, Error, Failure, Keyward, Options, Outcome, ProviderId, Usage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let keyward = Keyward::open(Options::temporary()).await?;
    keyward.add_key(ProviderId::SANDBOX, "team-a", "example-key-one".to_owned()).await?;

    println!("Three calls through Keyward:");
    for question in ["Why is the sky blue?", "And at night?", "Thank you!"] {
        let answer = keyward.chat(ChatRequest::new("sandbox-small").user(question)).await?;
        let usage = answer.usage.unwrap_or_default();
        let cost = answer.cost.map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
        let (prompt, reply) = (usage.prompt_tokens(), usage.completion_tokens());
        println!("  {question:<22}  {prompt:>4} tokens in  {reply:>4} out  {cost:>12}");
    }

    println!();
    println!("Three calls made with a key on loan: one well, one badly, one nobody reports.");
    let lease = keyward.key_for_model("sandbox-large").await?;
    let used = Usage { input_uncached: 12_000, cache_read: 4_000, output: 800, ..Usage::default() };
    lease.report(Outcome::succeeded(used).first_content(Duration::from_millis(350))).await?;
    let lease = keyward.key_for_model("sandbox-large").await?;
    lease.report(Outcome::failed(Failure::answered(500, "out of luck"))).await?;
    drop(keyward.key_for_model("sandbox-large").await?);

    let stats = keyward.key_stats(ProviderId::SANDBOX, "team-a").await?;
    println!();
    println!("The ledger of {}/{}:", stats.provider, stats.key);
    println!("  requests    {:>12}", stats.requests);
    println!("  errors      {:>12}", stats.errors);
    println!("  estimated   {:>12}", stats.estimated);
    println!("  tokens in   {:>12}", stats.input_tokens);
    println!("  tokens out  {:>12}", stats.output_tokens);
    println!("  cost        {:>12}", stats.cost.to_string());
    keyward.close().await
}
