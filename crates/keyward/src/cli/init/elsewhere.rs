//! Keys that go with a place of their own: `OPENAI_BASE_URL` beside `OPENAI_API_KEY` means that the key is probably a
//! proxy's. It is never sent to the vendor; at that place it may be tested when the operator says so.

use keyward_admin::client::{Ask, Door};
use keyward_domain::origin::BaseUrl;
use keyward_source::{Base, Found};
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::cli::session::Session;

/// What a provider at such a place is called, behind the name of the provider whose dialect it speaks.
const ENDING: &str = "proxy";
/// Names that are tried when that one is taken.
const MORE_NAMES: std::ops::Range<u32> = 2..100;
/// Other names of providers that are known by name, beside the one in their base URL.
const SAME: [(&str, &str); 2] =
    [("huggingface", "https://huggingface.co"), ("together", "https://api.together.xyz/v1")];

/// The variable that names another place than the one where the key would be sent; `None` when it may go there.
pub fn find(session: &Session, door: &Door, found: &Found) -> Result<Option<Base>, Failure> {
    if found.bases.is_empty() {
        return Ok(None);
    }
    let provider = session.find_through(door, Ask::get(&["providers", found.provider_name]))?;
    let configured = provider.as_ref().and_then(|provider| provider["base_url"].as_str());
    let known = keyward_provider::preset(found.provider_name).map(|preset| preset.base_url);
    let same = SAME.iter().filter(|(name, _)| *name == found.provider_name).map(|(_, base)| *base);
    // What the config file says counts instead of what the vendor is known for.
    let own = configured.or(known).into_iter().chain(same.filter(|_| configured.is_none()));
    let own: Vec<BaseUrl> = own.filter_map(|base| base.parse().ok()).collect();
    let leads_away =
        |base: &&Base| base.base_url.as_ref().is_none_or(|there| own.iter().all(|own| own.origin != there.origin));
    Ok(found.bases.iter().find(leads_away).cloned())
}

/// The provider to which the operator wants to take the key; `None` when it is to be left out. Nobody who was not asked
/// wants that.
pub fn wanted(session: &Session, door: &Door, found: &Found, base: &Base) -> Result<Option<String>, Failure> {
    let Some(there) = &base.base_url else { return Ok(None) };
    let (name, exists) = free_name(session, door, found.provider_name, there)?;
    let question =
        format!("    {} is {there}. Seal this key as `{name}/{}` and test it there?", base.variable, found.key_name);
    // A file in a folder that somebody else made may have said where the key goes.
    if !prompt::confirm(&question, false)? {
        return Ok(None);
    }
    if !exists {
        let body = json!({ "preset": found.provider_name, "name": name, "base_url": there.to_string() });
        session.call_through(door, Ask::post(&["providers"]).body(body))?;
    }
    Ok(Some(name))
}

/// Why the key was left out, and what to do.
pub fn reason(found: &Found, base: &Base, place: &str) -> String {
    let (provider, variable) = (found.provider_name, &base.variable);
    let Some(there) = &base.base_url else {
        return format!(
            "{variable} in {place} is no base URL, so nobody knows whose key this is; it was sent nowhere. Correct or \
             unset {variable}, then `keyward key add {provider}`"
        );
    };
    format!(
        "{variable} in {place} says {there}, so this key is probably not for {provider} itself; it was sent nowhere. To \
         use it there: `keyward provider add {provider} --as {provider}-{ENDING} --base-url {there}`, then \
         `keyward key add {provider}-{ENDING}`. If it is {provider}'s own: `keyward key add {provider}`"
    )
}

/// A name for the provider at this place, and whether there already is one with that name and place.
fn free_name(session: &Session, door: &Door, provider: &str, there: &BaseUrl) -> Result<(String, bool), Failure> {
    let first = format!("{provider}-{ENDING}");
    let more = MORE_NAMES.map(|number| format!("{first}-{number}"));
    for name in std::iter::once(first.clone()).chain(more) {
        let Some(taken) = session.find_through(door, Ask::get(&["providers", &name]))? else {
            return Ok((name, false));
        };
        if taken["base_url"] == there.to_string() {
            return Ok((name, true));
        }
    }
    Err(Failure::failed(format!("`{first}` and all names that could take its place are taken")))
}
