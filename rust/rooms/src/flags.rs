//! What the program says about one packet, beside who gets it.

use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

/// How a packet may be treated on its way. It travels in the [`crate::Frame`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// A client that has a backlog does not get it.
    pub volatile: bool,
    /// It takes the place of the packet with the same key that waits for a client.
    pub conflate: Option<Key>,
    /// It may be compressed.
    pub compress: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self { volatile: false, conflate: None, compress: true }
    }
}

impl Flags {
    /// Whether a packet with these may be left out for a slow client.
    pub fn may_be_dropped(&self) -> bool {
        self.volatile || self.conflate.is_some()
    }
}

/// What packets that replace one another have in common: a name within a namespace.
#[derive(Clone, Debug)]
pub struct Key(Arc<Name>);

#[derive(Debug, PartialEq, Eq)]
struct Name {
    /// Compared first: keys that differ are told apart without a look at their text.
    hash: u64,
    namespace: Box<str>,
    text: Box<str>,
}

impl Key {
    /// The key of this name in a namespace.
    pub fn new(namespace: &str, name: &str) -> Self {
        let hash = FxBuildHasher.hash_one((namespace, name));
        Self(Arc::new(Name { hash, namespace: namespace.into(), text: name.into() }))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_equal_by_namespace_and_name() {
        let key = Key::new("/", "price");
        assert_eq!(key, key.clone());
        assert_eq!(key, Key::new("/", "price"));
        assert_ne!(key, Key::new("/", "cursor"));
        assert_ne!(key, Key::new("/x", "price"));
    }
}
