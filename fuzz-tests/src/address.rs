//! Where a database of rooms is, as an operator types it.

use takeover_storage::{ChatAddress, PostgresSettings};

/// What is accepted has checked settings; no password is shown by anything that is printed.
pub(crate) fn body(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    // Without a type it is a folder, and no connection string.
    if !text.contains("://") {
        drop(address(text));
        return;
    }
    let printed = address(text);
    let settings = match PostgresSettings::from_url(text) {
        Ok(settings) => settings,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(settings.check(), Ok(()));
    let secret = settings.password.as_str();
    // A password that is also another word of the address is seen there, and so is a short one.
    let elsewhere = [
        &settings.host,
        &settings.database,
        &settings.user,
        &settings.schema,
    ];
    let told = secret.len() < 6
        || elsewhere.iter().any(|word| word.contains(secret))
        || format!("{:?}", settings.tls).contains(secret)
        || text.matches(secret).count() != 1;
    for text in [printed, format!("{settings:?}")] {
        assert!(told || !text.contains(secret), "{text} shows {secret:?}");
    }
}

/// Everything that is printed of it.
fn address(text: &str) -> String {
    match text.parse::<ChatAddress>() {
        Ok(address) => format!("{address} {address:?}"),
        Err(error) => format!("{error} {error:?}"),
    }
}
