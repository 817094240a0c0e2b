//! Pieces of a body that belong together. One piece is kept as it is; only several are copied into one.

use bytes::{Bytes, BytesMut};

/// Room for the pieces that one turn of the event loop brings, in bytes.
const ROOM: usize = 8 * 1024;

/// Pieces in order.
#[derive(Default)]
pub(super) struct Gathered {
    first: Bytes,
    more: BytesMut,
}

impl Gathered {
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.is_empty() {
            self.first = piece;
            return;
        }
        if self.more.is_empty() {
            self.more.reserve((self.first.len() + piece.len()).max(ROOM));
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.more.extend_from_slice(&piece);
    }

    /// Everything, leaving nothing.
    pub(super) fn take(&mut self) -> Bytes {
        if self.more.is_empty() { std::mem::take(&mut self.first) } else { self.more.split().freeze() }
    }

    pub(super) fn len(&self) -> usize {
        self.first.len() + self.more.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
