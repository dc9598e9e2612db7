//! Dates and times (XEP-0082).

use takeover_protocols::datetime::Timestamp;

/// What was read is printed and read as the same instant; every instant has a text.
pub(crate) fn body(octets: &[u8]) {
    let number = octets.first_chunk::<8>().copied().map(i64::from_le_bytes);
    check(Timestamp::from_millis(number.unwrap_or_default()));
    let read = std::str::from_utf8(octets)
        .ok()
        .and_then(|text| text.parse().ok());
    if let Some(read) = read {
        check(read);
    }
}

fn check(instant: Timestamp) {
    assert!((Timestamp::MIN..=Timestamp::MAX).contains(&instant));
    let printed = instant.to_string();
    match printed.parse::<Timestamp>() {
        Ok(again) => assert_eq!(again, instant, "{printed}"),
        Err(error) => panic!("{printed}: {error}"),
    }
}
