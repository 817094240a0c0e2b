//! The file's providers, keys and aliases -> records, with their secrets fetched and sealed.

use std::collections::BTreeMap;

use keyward_domain::alias::Alias;
use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::ids::{CredentialId, ProviderId, TenantId};
use keyward_domain::port::Entropy;
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::secret::Secret;
use keyward_domain::time::Timestamp;
use keyward_vault::{Place, Vault, VaultError};

use super::file_owned::FileRecords;
use crate::config::{Config, FileAlias, FileKey, FileProvider, FileTarget, did_you_mean};

/// What the records are made with.
pub struct Maker<'a> {
    /// Seals the secrets.
    pub vault: &'a Vault,
    /// Chance for sealing.
    pub entropy: &'a dyn Entropy,
    /// The moment that new records carry.
    pub now: Timestamp,
    /// The environment, for `${env:NAME}`.
    pub environment: &'a BTreeMap<String, String>,
}

impl Maker<'_> {
    /// The records of this config. Everything that is wrong is told at once, with its place.
    pub fn records(&self, config: &Config) -> Result<FileRecords, Vec<String>> {
        let mut wrong = Vec::new();
        let mut records = FileRecords::default();
        for file in &config.providers {
            match self.provider(file) {
                Ok(provider) => {
                    for key in &file.keys {
                        match self.key(key, &provider) {
                            Ok(credential) => records.credentials.push(credential),
                            Err(what) => wrong.push(format!("{}: the key `{}`: {what}", key.place, key.name)),
                        }
                    }
                    records.providers.push(provider);
                }
                Err(what) => wrong.push(format!("{}: the provider `{}`: {what}", file.place, file.name)),
            }
        }
        records.aliases = config.aliases.iter().map(alias).collect();
        if wrong.is_empty() { Ok(records) } else { Err(wrong) }
    }

    fn provider(&self, file: &FileProvider) -> Result<Provider, String> {
        let preset = keyward_provider::preset(&file.name);
        let kind = file.kind.or(preset.map(|preset| preset.kind));
        let base_url = match (&file.base_url, preset) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(preset)) => preset.base_url.parse().ok(),
            (None, None) => None,
        };
        let base_url = base_url.ok_or("is not a provider known by name, so it needs a `base_url`")?;
        let kind = kind.unwrap_or(ProviderKind::OpenAiCompatible);
        keyward_admin::control::check_destination(kind, &base_url).map_err(|error| error.message())?;
        Ok(Provider {
            id: ProviderId::from_parts(Timestamp::EPOCH, fingerprint(&[&file.name])),
            tenant: TenantId::DEFAULT,
            name: file.name.clone(),
            kind,
            base_url,
            enabled: file.enabled,
            free: file.free || preset.is_some_and(|preset| preset.free),
            strategy: file.strategy,
            concurrency: file.concurrency,
            rules: file.rules.clone(),
            catalog: file.catalog.clone().or_else(|| described_by(&file.name, kind).map(str::to_owned)),
            created_at: self.now,
            revision: 1,
        })
    }

    fn key(&self, file: &FileKey, provider: &Provider) -> Result<Credential, String> {
        let mut credential = Credential {
            id: CredentialId::from_parts(Timestamp::EPOCH, fingerprint(&[&provider.name, &file.name])),
            tenant: TenantId::DEFAULT,
            provider: provider.id,
            name: file.name.clone(),
            state: if file.enabled { CredentialState::Active } else { CredentialState::Disabled },
            hint: String::new(),
            envelope: Vec::new(),
            // The data plane keeps opened keys by id and version, so a new secret needs a new version.
            seal_version: u64::try_from(self.now.unix_millis()).unwrap_or(1).max(1),
            sealed_for: provider.base_url.clone(),
            blind_index: Vec::new(),
            models: Vec::new(),
            proof: None,
            terms: file.terms.clone(),
            created_at: self.now,
            revision: 1,
        };
        let Some(reference) = &file.reference else { return Ok(credential) };
        let secret = reference.fetch(self.environment).map_err(|error| error.to_string())?;
        credential.hint = keyward_vault::hint(&secret);
        self.seal(&mut credential, &secret).map_err(|error| error.to_string())?;
        Ok(credential)
    }

    fn seal(&self, credential: &mut Credential, secret: &Secret) -> Result<(), VaultError> {
        credential.blind_index = self.vault.blind_index(secret)?.to_vec();
        credential.envelope = self.vault.seal(&Place::of_credential(credential), secret, self.entropy)?;
        Ok(())
    }
}

fn alias(file: &FileAlias) -> Alias {
    let texts = |targets: &[FileTarget]| targets.iter().map(|target| target.deployment.clone()).collect();
    Alias {
        order: file.order,
        weights: file.weights.clone(),
        fallback: file.fallback.iter().map(|(class, targets)| (*class, texts(targets))).collect(),
        ..Alias::listed(TenantId::DEFAULT, file.name.clone(), texts(&file.targets))
    }
}

/// What is wrong with aliases that lead to providers that there are not, each with its place. `stored` are the
/// providers that were added with the API.
pub fn lost_aliases(config: &Config, stored: &[Provider]) -> Vec<String> {
    let in_file = config.providers.iter().map(|provider| provider.name.as_str());
    let known: Vec<&str> = in_file.chain(stored.iter().map(|provider| provider.name.as_str())).collect();
    let mut wrong = Vec::new();
    for alias in &config.aliases {
        for target in alias.targets.iter().chain(alias.fallback.values().flatten()) {
            let provider = target.deployment.split('/').next().unwrap_or_default();
            if !known.contains(&provider) {
                let near = did_you_mean(provider, &known);
                let hint = if near.is_empty() { ": add it to the file, or with `keyward provider add`" } else { &near };
                let (place, name) = (&target.place, &alias.name);
                wrong.push(format!("{place}: the alias `{name}`: there is no provider `{provider}`{hint}"));
            }
        }
    }
    wrong
}

/// The part of the catalog that describes a provider of this name or, failing that, of this kind.
fn described_by(name: &str, kind: ProviderKind) -> Option<&'static str> {
    let preset = keyward_provider::preset(name).or_else(|| keyward_provider::preset(kind.as_str()));
    preset.and_then(|preset| preset.catalog)
}

/// The same 80 bits for the same names on every start, so that the ledger's rows keep naming the same objects. FNV-1a
/// over length-prefixed parts; names are no secrets, so nothing stronger is needed.
pub(super) fn fingerprint(parts: &[&str]) -> [u8; 10] {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = parts.iter().flat_map(|part| [part.len().to_be_bytes().as_slice(), part.as_bytes()].concat());
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    let mut print = [0; 10];
    // The low 80 bits; zip ends with the shorter one.
    print.iter_mut().rev().zip(hash.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
    print
}
