//! Masking of payloads (RFC 6455 section 5.3).

/// Masks or unmasks `data` in place.
pub fn apply_mask(data: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = data.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        chunk.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_is_right_for_every_length() {
        let key = [1, 2, 3, 250];
        for length in 0..40 {
            let mut data: Vec<u8> = (0..length).collect();
            apply_mask(&mut data, key);
            let expected: Vec<u8> = (0..length).map(|i| i ^ key[usize::from(i) % 4]).collect();
            assert_eq!(data, expected);
        }
    }
}
