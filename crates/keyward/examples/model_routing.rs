//! Models find their keys: by what providers offer, by what was assigned, by `provider/model`.
//!
//! Runs without keys: `cargo run --example model_routing`.

use keyward::{ChatRequest, Error, Keyward, Options, Outcome, ProviderId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let keyward = Keyward::open(Options::temporary()).await?;
    let everyday = "everyday";
    let premium = "premium";
    keyward.add_key(ProviderId::SANDBOX, everyday, "example-key-one".to_owned()).await?;
    keyward.add_key(ProviderId::SANDBOX, premium, "example-key-two".to_owned()).await?;
    // From now on each of them serves its own models and no others.
    keyward.assign_model("sandbox-small", ProviderId::SANDBOX, everyday).await?;
    keyward.assign_model("sandbox-echo", ProviderId::SANDBOX, everyday).await?;
    keyward.assign_model("sandbox-large", ProviderId::SANDBOX, premium).await?;
    keyward.assign_model("meta-llama/*", ProviderId::SANDBOX, premium).await?;

    println!("Which key serves which model:");
    let models =
        ["sandbox-small", "sandbox-large", "sandbox/sandbox-echo", "meta-llama/Meta-Llama-3-70B-Instruct", "gpt-none"];
    for model in models {
        match keyward.key_for_model(model).await {
            Ok(lease) => {
                println!("  {model:<38}  {}/{}", lease.provider(), lease.key());
                lease.report(Outcome::unused()).await?;
            }
            Err(error) => println!("  {model:<38}  nobody\n    {error}"),
        }
    }

    println!();
    println!("The same for calls:");
    for model in ["sandbox-small", "sandbox-large", "gpt-none"] {
        match keyward.chat(ChatRequest::new(model).user("Hello")).await {
            Ok(answer) => println!("  {model:<38}  {}/{}", answer.provider, answer.key),
            Err(error) => println!("  {model:<38}  nobody\n    {error}"),
        }
    }
    keyward.close().await
}
