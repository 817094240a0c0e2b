//! Frames: `[u32 length][u32 CRC-32][u8 kind][payload]`, little endian; length and checksum are about kind and payload.

/// What a segment begins with. Another format gets another number.
pub(super) const MAGIC: [u8; 8] = *b"KWJRNL01";

/// Length and checksum.
const HEAD: usize = 8;
/// Longer frames are never written, so a length beyond it is damage. The texts in a frame are cut so that it fits.
const MAX_FRAME: usize = 16 * 1024;

/// What a frame holds. The numbers are on disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reservation,
    Settlement,
    Refusal,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Reservation => 1,
            Self::Settlement => 2,
            Self::Refusal => 3,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Reservation, Self::Settlement, Self::Refusal].into_iter().find(|kind| kind.number() == number)
    }
}

/// Appends a frame to the buffer.
pub(super) fn write(buffer: &mut Vec<u8>, kind: Kind, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, kind.number()]);
    payload(buffer);
    let (head, body) = buffer[start..].split_at_mut(HEAD);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
}

/// A frame whose checksum is right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'b> {
    /// `None`: a kind that a later version writes.
    pub(super) kind: Option<Kind>,
    pub(super) payload: &'b [u8],
    /// The frame with its head.
    pub(super) whole: &'b [u8],
}

/// All sound frames in these bytes. Where one is damaged, the search goes on byte by byte behind it: one bad sector must
/// not cost the rows after it.
#[derive(Debug)]
pub(super) struct Frames<'b> {
    rest: &'b [u8],
    /// Bytes that belong to no sound frame, so far.
    pub(super) torn: u64,
}

impl<'b> Frames<'b> {
    /// The frames of a segment without its [`MAGIC`], or of a part of it that begins with a frame.
    pub(super) const fn of(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, torn: 0 }
    }
}

impl<'b> Iterator for Frames<'b> {
    type Item = Frame<'b>;

    fn next(&mut self) -> Option<Frame<'b>> {
        while !self.rest.is_empty() {
            if let Some(frame) = first(self.rest) {
                self.rest = self.rest.get(frame.whole.len()..).unwrap_or_default();
                return Some(frame);
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
            self.torn += 1;
        }
        None
    }
}

/// The frame that these bytes begin with, if it is sound.
fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= MAX_FRAME)?;
    let body = rest.get(..length)?;
    let (kind, payload) = body.split_first()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    Some(Frame { kind: Kind::from_number(*kind), payload, whole: bytes.get(..HEAD + length)? })
}
