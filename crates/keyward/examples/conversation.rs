//! A conversation: the caller keeps what was said, the session keeps it with one account, where its beginning is cached.
//!
//! Runs without keys: `cargo run --example conversation`.

use keyward::{ChatRequest, Error, Keyward, Message, Nanodollars, Options, ProviderId, Role};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let keyward = Keyward::open(Options::temporary()).await?;
    for name in ["amber", "basil", "cedar"] {
        keyward.add_key(ProviderId::SANDBOX, name, format!("example-key-{name}")).await?;
    }

    let mut history: Vec<Message> = Vec::new();
    let mut spent = Nanodollars::ZERO;
    for said in ["What is a key pool?", "And when one of them rests?", "So nobody notices?"] {
        history.push(Message { role: Role::User, text: said.to_owned() });
        let request = ChatRequest::new("sandbox-small")
            .system("Answer in one sentence.")
            .messages(history.iter().cloned())
            .session("example-conversation");
        let answer = keyward.chat(request).await?;
        println!("you    {said}");
        println!("model  {}", answer.text);
        let tokens = answer.usage.unwrap_or_default().prompt_tokens();
        println!("       ({tokens} tokens of history, served by {})", answer.key);
        println!();
        spent = spent + answer.cost.unwrap_or_default();
        history.push(Message { role: Role::Assistant, text: answer.text });
    }
    println!("{} messages, {spent} altogether", history.len());
    keyward.close().await
}
