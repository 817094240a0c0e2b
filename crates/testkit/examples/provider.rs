//! Starts the scripted provider with one good key and a few bad ones per vendor, prints where and which, and serves
//! until standard input ends.

use std::io::Read as _;

use keyward_testkit::provider::{Fault, KeyBehaviour, ScriptedProvider, Vendor, VendorError, mint_secret};

fn main() {
    let provider = ScriptedProvider::start_blocking();
    println!("URL={}", provider.url());
    for vendor in Vendor::ALL {
        let word = vendor.name().to_uppercase();
        println!("{word}_KEY={}", provider.add_key(vendor, "main"));
        let limited = mint_secret(vendor, "limited");
        let behaviour = KeyBehaviour::Refuses(VendorError::RateLimited(Some(1)));
        provider.add_key_with(vendor, "limited", &limited, behaviour);
        println!("{word}_LIMITED_KEY={limited}");
        let restricted = provider.add_key(vendor, "restricted");
        println!("{word}_RESTRICTED_KEY={restricted}");
    }
    provider.restrict_models("restricted", &["gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash"]);
    provider.script(Fault::refuse(VendorError::RateLimited(Some(1))).for_model("rate-limited").always());
    println!("READY");
    // Whoever started this ends it by closing the pipe.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    for line in provider.bill() {
        eprintln!("{line:?}");
    }
}
