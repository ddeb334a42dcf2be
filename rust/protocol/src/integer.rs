//! Finds integers in JSON text that do not fit into 64 bits.
//!
//! Some JSON decoders turn such integers into floats, so the caller needs to know about them
//! before it chooses a decoder. The text is not validated.

use crate::json::string_end;

/// -9223372036854775809, the shortest integer that does not fit, has this many digits.
const DIGITS: usize = 19;

/// Whether an integer in the text is below -2^63 or above 2^64 - 1. Digits in a string do not
/// count, and neither do numbers with a fraction or an exponent.
#[must_use]
pub fn has_big_integer(text: &[u8]) -> bool {
    has_many_digits(text) && has_big_number(text)
}

/// Whether the text has [`DIGITS`] digits in a row. A run of that length covers at least one of the
/// positions that are multiples of [`DIGITS`], so only these positions are examined.
fn has_many_digits(text: &[u8]) -> bool {
    let mut at = DIGITS - 1;
    while let Some(byte) = text.get(at) {
        if byte.is_ascii_digit() {
            let before = text[..at].iter().rev().take_while(|byte| byte.is_ascii_digit());
            let after = digits(&text[at..]);
            if before.take(DIGITS).count() + after >= DIGITS {
                return true;
            }
            at += after;
        }
        at += DIGITS;
    }
    false
}

fn has_big_number(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'"' => string_end(text, at).unwrap_or(text.len()),
            b'0'..=b'9' => {
                let end = at + digits(&text[at..]);
                let is_integer = !matches!(text.get(end), Some(b'.' | b'e' | b'E'));
                let is_negative = at > 0 && text[at - 1] == b'-';
                if is_integer && !fits(&text[at..end], is_negative) {
                    return true;
                }
                end + text[end..].iter().take_while(|byte| is_number_byte(**byte)).count()
            }
            _ => at + 1,
        };
    }
    false
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

fn fits(digits: &[u8], is_negative: bool) -> bool {
    const LOWEST: u64 = i64::MIN.unsigned_abs();
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    number.is_some_and(|number| !is_negative || number <= LOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_past_64_bits_are_found() {
        for (text, big) in [
            ("", false),
            ("[1234567890123456789]", false),
            ("[18446744073709551615]", false),
            ("[18446744073709551616]", true),
            ("[-9223372036854775808]", false),
            ("[-9223372036854775809]", true),
            ("[[],{\"a\":-123456789012345678901}]", true),
            (r#"["123456789012345678901234"]"#, false),
            (r#"["\"123456789012345678901234"]"#, false),
            (r#"["\\",123456789012345678901234]"#, true),
            (r#"["\\\"",123456789012345678901234]"#, true),
            ("[1.1234567890123456789012345]", false),
            ("[1234567890123456789012345.5]", false),
            ("[1234567890123456789012345e5]", false),
            ("[1e1234567890123456789012345]", false),
            ("[0.1,99999999999999999999]", true),
            ("99999999999999999999", true),
            (r#"["open,99999999999999999999"#, false),
        ] {
            assert_eq!(has_big_integer(text.as_bytes()), big, "{text}");
        }
    }

    #[test]
    fn big_integers_are_found_at_every_position() {
        for before in 0..60 {
            for after in 0..40 {
                let text =
                    format!("{}18446744073709551616{}", ",".repeat(before), ",".repeat(after));
                assert!(has_big_integer(text.as_bytes()), "{text}");
                let text = text.replace("18446744073709551616", "184467440737095,51616");
                assert!(!has_big_integer(text.as_bytes()), "{text}");
            }
        }
    }
}
