//! Keys that look real and are not, put together from parts so that no scanner takes them for leaked ones.

/// One key of each form that speaks for itself: the form's id, its provider, the key.
pub(crate) fn keys() -> Vec<(&'static str, &'static str, String)> {
    let n = |letter: &str, times: usize| letter.repeat(times);
    let marked =
        |prefix: &str, side: usize| format!("{prefix}{}{}{}", n("k", side), concat!("T3Blbk", "FJ"), n("m", side));
    vec![
        ("openai_legacy", "openai", marked("sk-", 20)),
        ("openai_project", "openai", marked("sk-proj-", 74)),
        ("openai_admin", "openai", marked("sk-admin-", 58)),
        ("anthropic_api", "anthropic", format!("sk-ant-{}{}AA", "api03-", n("k", 93))),
        ("anthropic_admin", "anthropic", format!("sk-ant-{}{}AA", "admin01-", n("k", 93))),
        ("anthropic_oauth", "anthropic", format!("sk-ant-{}{}", "oat01-", n("k", 95))),
        ("google_api", "gemini", format!("AI{}{}", "za", n("k", 35))),
        ("gemini_new", "gemini", format!("AQ.{}{}", "Ab8RN6", n("k", 44))),
        ("azure_cask", "azure_openai", format!("{}{}9aA{}k{}", n("k", 52), "JQQJ9", n("k", 16), n("k", 7))),
        ("azure_ad_secret", "azure_openai", format!("abc8{}{}", "Q~", n("k", 34))),
        ("aws_access_key_id", "bedrock", format!("AK{}{}", "IA", n("K", 16))),
        ("bedrock_long", "bedrock", format!("AB{}{}", "SK", n("k", 128))),
        ("bedrock_short", "bedrock", format!("bedrock-api-key-{}{}", "YmVkcm9jay5hbWF6b25hd3MuY29t", n("k", 20))),
        ("groq", "groq", format!("gs{}{}", "k_", n("k", 52))),
        ("xai", "xai", format!("xa{}{}", "i-", n("k", 80))),
        ("openrouter", "openrouter", format!("sk-or{}{}", "-v1-", n("a", 64))),
        ("minimax", "minimax", format!("sk-{}{}", "api-", n("k", 119))),
        ("zhipu", "zhipu", format!("{}.{}", n("a", 32), n("k", 16))),
        ("perplexity", "perplexity", format!("pp{}{}", "lx-", n("k", 48))),
        ("together", "together", format!("tgp{}{}", "_v1_", n("k", 43))),
        ("fireworks", "fireworks", format!("f{}{}", "w_", n("k", 24))),
        ("cerebras", "cerebras", format!("cs{}{}", "k-", n("k", 48))),
        ("nvidia", "nvidia", format!("nv{}{}", "api-", n("k", 64))),
        ("replicate", "replicate", format!("r{}{}", "8_", n("k", 37))),
        ("huggingface", "huggingface", format!("h{}{}", "f_", n("k", 34))),
        ("voyage", "voyage", format!("p{}{}", "a-", n("k", 43))),
        ("jina", "jina", format!("ji{}{}", "na_", n("k", 60))),
        ("friendli", "friendli", format!("fl{}{}", "p_", n("k", 46))),
        ("databricks", "databricks", format!("da{}{}", "pi", n("a", 32))),
        ("cloudflare", "cloudflare", format!("cf{}{}{}", "ut_", n("k", 40), n("a", 8))),
        ("vercel_ai_gateway", "vercel_ai_gateway", format!("vc{}{}", "k_", n("k", 56))),
        ("elevenlabs", "elevenlabs", format!("s{}{}", "k_", n("a", 48))),
        ("runpod", "runpod", format!("rp{}{}", "a_", n("K", 46))),
        ("langsmith", "langsmith", format!("lsv2{}{}_{}", "_pt_", n("a", 32), n("b", 10))),
        (
            "langfuse",
            "langfuse",
            format!("sk{}{}-{}-{}-{}-{}", "-lf-", n("a", 8), n("b", 4), n("c", 4), n("d", 4), n("e", 12)),
        ),
        ("vault_token", "vault_token", format!("hv{}{}", "s.", n("k", 95))),
        ("github", "github", format!("gh{}{}", "p_", n("k", 36))),
        ("kw", "keyward", format!("kw_{}{}_{}", "live_", n("k", 12), n("k", 49))),
    ]
}

/// A key of this form.
pub(crate) fn key(id: &str) -> String {
    keys().into_iter().find(|(known, ..)| *known == id).unwrap().2
}

/// A key without any mark of its vendor; another one for each letter.
pub(crate) fn plain(letter: &str) -> String {
    format!("{}{}", "test", letter.repeat(28))
}
