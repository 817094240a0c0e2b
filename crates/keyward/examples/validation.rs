//! Keys are proved before they are used: what a good one, a bad one, a double one and one behind a silent server look like.
//!
//! Runs without keys: `cargo run --example validation`.

use keyward::{Error, KeyInfo, Keyward, Options, ProviderId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let keyward = Keyward::open(Options::temporary()).await?;
    // Nobody listens on this port of this machine.
    let silent = ProviderId::named("silent");
    keyward.add_provider(silent.clone(), "http://127.0.0.1:9/v1").await?;

    println!("Adding keys; each is proved by a call that costs nothing:");
    tell("a good key", &keyward.add_key(ProviderId::SANDBOX, "good", "example-key-one".to_owned()).await);
    tell("the same key again", &keyward.add_key(ProviderId::SANDBOX, "double", "example-key-one".to_owned()).await);
    tell("not a key at all", &keyward.add_key(ProviderId::SANDBOX, "torn", "two words\nand a line".to_owned()).await);
    tell("a server that is down", &keyward.add_key(silent.clone(), "patient", "example-key-two".to_owned()).await);

    println!();
    println!("Asked again:");
    tell("the good key", &keyward.validate_key(ProviderId::SANDBOX, "good").await);
    tell("the patient key", &keyward.validate_key(silent.clone(), "patient").await);

    println!();
    println!("Only what was proved is handed out:");
    let lease = keyward.next_key(ProviderId::SANDBOX).await?;
    println!("  sandbox  {}", lease.key());
    lease.report(keyward::Outcome::unused()).await?;
    if let Err(error) = keyward.next_key(silent).await {
        println!("  silent   {error}");
    }
    keyward.close().await
}

fn tell(what: &str, outcome: &Result<KeyInfo, Error>) {
    match outcome {
        Ok(key) => {
            println!("  {what:<22}  {:<8}  {}", key.state, key.finding.as_deref().unwrap_or("not proved"));
            println!("    {}", key.detail);
        }
        Err(error) => {
            println!("  {what:<22}  refused");
            println!("    {error}");
        }
    }
}
