//! Several keys of one provider take their turns; one that is told to slow down rests, and the others go on.
//!
//! Runs without keys: `cargo run --example rotation`.

use std::time::Duration;

use keyward::{Error, Keyward, Options, Outcome, ProviderId, Strategy, Usage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let keyward = Keyward::open(Options::temporary()).await?;
    for name in ["amber", "basil", "cedar"] {
        // The sandbox takes any key; these only have to differ.
        keyward.add_key(ProviderId::SANDBOX, name, format!("example-key-{name}")).await?;
    }
    keyward.set_strategy(ProviderId::SANDBOX, Strategy::RoundRobin).await?;

    println!("Three keys take turns:");
    for call in 1..=6 {
        let lease = keyward.next_key(ProviderId::SANDBOX).await?;
        // Here the provider would be called with `lease.secret().reveal()`.
        println!("  call {call}  {}", lease.key());
        lease.report(Outcome::succeeded(used()).on_model("sandbox-small")).await?;
    }

    println!();
    println!("The provider tells one of them to slow down for a minute:");
    let lease = keyward.next_key(ProviderId::SANDBOX).await?;
    println!("  call 7  {}  <- rate limited", lease.key());
    lease.report(Outcome::rate_limited(Duration::from_mins(1))).await?;
    for call in 8..=11 {
        let lease = keyward.next_key(ProviderId::SANDBOX).await?;
        println!("  call {call:<2} {}", lease.key());
        lease.report(Outcome::succeeded(used()).on_model("sandbox-small")).await?;
    }

    println!();
    println!("{}", keyward.health().await?);
    keyward.close().await
}

/// What a call consumed, as the provider's answer says.
fn used() -> Usage {
    Usage { input_uncached: 900, output: 300, ..Usage::default() }
}
