//! Secrets and tokens, by way of the vault.

use std::sync::Arc;

use keyward_domain::credential::Credential;
use keyward_domain::port::Change;
use keyward_domain::provider::Provider;
use keyward_domain::secret::Secret;
use keyward_domain::token::{Environment, MintedToken, TokenId};
use keyward_domain::virtual_key::TokenHash;
use keyward_vault::{Place, RootHolder, VaultError};

use super::Control;
use crate::error::AdminError;

impl Control {
    /// Refuses while the vault is locked; for operations that would otherwise find out half-way.
    pub fn require_unlocked(&self) -> Result<(), AdminError> {
        if self.vault().is_locked() { Err(AdminError::VaultLocked) } else { Ok(()) }
    }

    /// Seals a secret into a credential whose other fields are final. An empty secret is not sealed: there is nothing
    /// to keep. Gives the changes that have to be committed along with the credential.
    pub fn seal_into(&self, credential: &mut Credential, secret: &Secret) -> Result<Vec<Change>, AdminError> {
        if secret.is_empty() {
            (credential.envelope, credential.blind_index, credential.hint) = Default::default();
            return Ok(Vec::new());
        }
        let tenant_key = self.vault().ensure_tenant_key(credential.tenant, self.entropy()).map_err(refused)?;
        credential.blind_index = self.fingerprint(secret)?;
        credential.hint = keyward_vault::hint(secret);
        let place = Place::of_credential(credential);
        credential.envelope = self.vault().seal(&place, secret, self.entropy()).map_err(refused)?;
        Ok(tenant_key.map(Change::PutVault).into_iter().collect())
    }

    /// Opens a credential's secret to send it to its provider; `None` when it has none. Refuses when it was sealed for
    /// another destination than the provider's present one.
    pub fn open_for(&self, credential: &Credential, provider: &Provider) -> Result<Option<Secret>, AdminError> {
        if is_void(credential, provider) {
            return Err(AdminError::KeyVoid(credential.name.clone()));
        }
        self.open(credential)
    }

    /// Opens a credential's secret, for showing it.
    pub fn open(&self, credential: &Credential) -> Result<Option<Secret>, AdminError> {
        if credential.envelope.is_empty() {
            return Ok(None);
        }
        let opened = self.vault().open(&Place::of_credential(credential), &credential.envelope);
        opened.map(Some).map_err(|error| match error {
            VaultError::Locked => AdminError::VaultLocked,
            error => {
                tracing::error!(credential = %credential.id, cause = ?error, "a sealed provider key did not open");
                AdminError::Integrity(credential.name.clone())
            }
        })
    }

    /// What tells a secret from another without holding it; empty for no secret.
    pub fn fingerprint(&self, secret: &Secret) -> Result<Vec<u8>, AdminError> {
        if secret.is_empty() {
            return Ok(Vec::new());
        }
        self.vault().blind_index(secret).map(|index| index.to_vec()).map_err(refused)
    }

    /// A new token with its hash.
    pub fn mint_token(&self, environment: Environment) -> Result<(MintedToken, TokenHash), AdminError> {
        let minted = MintedToken::mint(environment, self.entropy())?;
        let hash = self.hash(&minted)?;
        Ok((minted, hash))
    }

    /// A new token for a key that keeps its id, with its hash.
    pub fn mint_token_for(
        &self,
        environment: Environment,
        id: TokenId,
    ) -> Result<(MintedToken, TokenHash), AdminError> {
        let minted = MintedToken::mint_for(environment, id, self.entropy())?;
        let hash = self.hash(&minted)?;
        Ok((minted, hash))
    }

    /// Opens the vault with a passphrase, or with the home's key file: one attempt at a time, on a blocking thread,
    /// because a passphrase takes as long as it is meant to.
    pub async fn unlock(&self, passphrase: Option<Secret>) -> Result<(), AdminError> {
        let key_file = || RootHolder::KeyFile(self.ports.key_file.clone());
        let with = passphrase.map_or_else(key_file, RootHolder::Passphrase);
        let _one_by_one = self.unlocking.lock().await;
        let vault = Arc::clone(&self.ports.vault);
        let on_change = Arc::clone(&self.ports.on_change);
        let unlocked = tokio::task::spawn_blocking(move || {
            vault.unlock(&with)?;
            on_change();
            Ok(())
        });
        unlocked.await.map_err(|_| AdminError::Internal)?.map_err(refused)
    }

    /// Forgets every key. What was handed out for checking tokens keeps working.
    pub async fn lock(&self) -> Result<(), AdminError> {
        let vault = Arc::clone(&self.ports.vault);
        let on_change = Arc::clone(&self.ports.on_change);
        let locked = tokio::task::spawn_blocking(move || {
            vault.lock();
            on_change();
        });
        locked.await.map_err(|_| AdminError::Internal)
    }

    fn hash(&self, minted: &MintedToken) -> Result<TokenHash, AdminError> {
        self.vault().hash_token(minted.token.expose()).map_err(refused)
    }
}

/// Whether a credential was sealed for another destination than its provider's present one.
pub fn is_void(credential: &Credential, provider: &Provider) -> bool {
    !credential.envelope.is_empty() && credential.sealed_for.origin != provider.base_url.origin
}

fn refused(error: VaultError) -> AdminError {
    match error {
        VaultError::Locked => AdminError::VaultLocked,
        VaultError::WrongRoot | VaultError::Passphrase(_) => AdminError::UnlockRefused,
        VaultError::KeyFile { .. } => {
            tracing::warn!(%error, "the vault could not be opened");
            AdminError::UnlockRefused
        }
        VaultError::TooLong(_) => AdminError::KeyMalformed("The secret is too long to be a key.".to_owned()),
        VaultError::Entropy(_) => AdminError::NoEntropy,
        error => {
            tracing::error!(%error, cause = ?error, "the vault failed");
            AdminError::Internal
        }
    }
}
