//! Secrets are padded to a multiple of 64 bytes before they are sealed, so that a dump does not tell which kind of key
//! a record holds. A layer above the envelope: one byte `0x80`, then zeros (ISO/IEC 7816-4).

use zeroize::Zeroizing;

use crate::error::{Fault, VaultError};

/// Padded lengths are multiples of this many bytes.
pub(crate) const BUCKET: usize = 64;

const MARK: u8 = 0x80;

/// The secret, the mark, and zeros up to the next full bucket.
pub(crate) fn pad(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (secret.len() + 1).next_multiple_of(BUCKET);
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend_from_slice(secret);
    padded.push(MARK);
    padded.resize(length, 0);
    padded
}

/// Takes the padding off in place.
pub(crate) fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let fault = VaultError::Integrity(Fault::Content);
    let mark = padded.iter().rposition(|byte| *byte != 0).ok_or_else(|| fault.clone())?;
    let in_last_bucket = padded.len().is_multiple_of(BUCKET) && padded.len() - mark <= BUCKET;
    if padded.get(mark) != Some(&MARK) || !in_last_bucket {
        return Err(fault);
    }
    padded.truncate(mark);
    Ok(padded)
}
