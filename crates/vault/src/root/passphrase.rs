use std::collections::BTreeSet;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use keyward_domain::secret::Secret;
use zeroize::Zeroize;

use crate::error::VaultError;
use crate::key::{KEY_LEN, Key};

/// Fewer characters are refused for a new passphrase.
pub const MIN_PASSPHRASE_CHARS: usize = 14;
/// Longer passphrases are refused, unread.
pub const MAX_PASSPHRASE_BYTES: usize = 1024;
/// Random bytes in each passphrase slot.
pub(crate) const SALT_LEN: usize = 16;

/// `aaaaaaaaaaaaaa` and `abababababababab` are long and worthless.
const MIN_DIFFERENT_CHARS: usize = 6;

const MIB: u32 = 1024;
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 64 * MIB..=1024 * MIB;
const PASSES: std::ops::RangeInclusive<u32> = 2..=10;
const LANES: std::ops::RangeInclusive<u32> = 1..=8;

/// What one guess of the passphrase costs. Always within bounds: below them guessing is cheap, above them opening the
/// vault would exhaust the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfParams {
    /// 256 MiB, 3 passes, 4 lanes: about a third of a second on two cores.
    pub const DEFAULT: Self = Self { memory_kib: 256 * MIB, passes: 3, lanes: 4 };
    /// The least that is accepted: 64 MiB, 2 passes, 1 lane.
    pub const FLOOR: Self = Self { memory_kib: 64 * MIB, passes: 2, lanes: 1 };

    /// 64 MiB to 1 GiB of memory, 2 to 10 passes, 1 to 8 lanes; anything else is [`VaultError::ParamsOutOfRange`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, VaultError> {
        let fits = MEMORY_KIB.contains(&memory_kib) && PASSES.contains(&passes) && LANES.contains(&lanes);
        fits.then_some(Self { memory_kib, passes, lanes }).ok_or(VaultError::ParamsOutOfRange)
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes that run in parallel.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

/// Whether a passphrase is good enough for a new slot. Not asked when a slot is opened: there it only has to be right.
pub(crate) fn check_new(passphrase: &Secret) -> Result<(), VaultError> {
    check_size(passphrase)?;
    let text = std::str::from_utf8(passphrase.expose())
        .map_err(|_| VaultError::Passphrase("it is not valid UTF-8: type it on a terminal that is set to UTF-8"))?;
    if text.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(VaultError::Passphrase("it is too short: use at least 14 characters, four random words are good"));
    }
    if text.chars().collect::<BTreeSet<char>>().len() < MIN_DIFFERENT_CHARS {
        return Err(VaultError::Passphrase("it repeats too few characters: four random words are good"));
    }
    Ok(())
}

/// The key that this passphrase stands for in one slot. Takes about as long as its parameters say, and that memory.
pub(crate) fn derive(passphrase: &Secret, salt: &[u8; SALT_LEN], cost: KdfParams) -> Result<Key, VaultError> {
    check_size(passphrase)?;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_LEN))
        .map_err(|_| VaultError::ParamsOutOfRange)?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(params.block_count()).map_err(|_| VaultError::OutOfMemory(cost.memory_kib / MIB))?;
    memory.resize(params.block_count(), Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let key = Key::filled_by(|out| {
        argon2.hash_password_into_with_memory(passphrase.expose(), salt, out, memory.as_mut_slice())
    });
    // The whole memory, not just its end: every block of it can be computed back into the passphrase's hash.
    memory.iter_mut().for_each(Zeroize::zeroize);
    key.map_err(|_| VaultError::ParamsOutOfRange)
}

fn check_size(passphrase: &Secret) -> Result<(), VaultError> {
    if passphrase.len() > MAX_PASSPHRASE_BYTES {
        return Err(VaultError::Passphrase("it is longer than 1,024 bytes: is this a file by mistake?"));
    }
    Ok(())
}
