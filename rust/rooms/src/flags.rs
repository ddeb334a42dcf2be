//! The delivery options of one packet: `volatile`, `conflate` and `compress`.

use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

/// The delivery options of a packet, which its [`crate::Frame`] contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Whether the packet is dropped for clients that have a backlog.
    pub volatile: bool,
    /// The packet replaces a waiting packet with the same key.
    pub conflate: Option<Key>,
    /// Whether the packet may be compressed.
    pub compress: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self { volatile: false, conflate: None, compress: true }
    }
}

impl Flags {
    /// Whether a packet with these options may be omitted for a slow client.
    pub fn may_be_dropped(&self) -> bool {
        self.volatile || self.conflate.is_some()
    }
}

/// The key of packets that replace each other: a name within a namespace.
#[derive(Clone, Debug)]
pub struct Key(Arc<Name>);

#[derive(Debug, PartialEq, Eq)]
struct Name {
    /// The hash is compared first, because that is cheaper than a comparison of the texts.
    hash: u64,
    namespace: Box<str>,
    text: Box<str>,
}

impl Key {
    /// The key for a name in a namespace.
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
