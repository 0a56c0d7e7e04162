//! The bytes of a target as a script: it ends where they do.

/// See the module.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// At most so many bytes.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A number below `count`; 0 behind the end.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(self.next().unwrap_or_default()) % count
    }
}
