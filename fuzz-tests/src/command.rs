//! The administrator's command line.

use takeover::admin::command::Command;
use takeover::admin::words::words;

/// What is no command is answered with the forms that are; quoting every word changes nothing.
pub(crate) fn body(octets: &[u8]) {
    let Ok(line) = std::str::from_utf8(octets) else {
        return;
    };
    let understood = Command::parse(line);
    if let Err(error) = &understood {
        assert!(!error.to_string().is_empty());
    }
    let Ok(found) = words(line) else {
        assert!(understood.is_err());
        return;
    };
    let quoted: Vec<String> = found.iter().map(|word| quote(word)).collect();
    let again = quoted.join(" ");
    assert_eq!(words(&again).as_ref(), Ok(&found), "{again}");
    if let Ok(command) = understood {
        assert_eq!(Command::parse(&again).as_ref(), Ok(&command), "{again}");
    }
}

/// A word in quotation marks, part by part: each part in the mark that is not in it.
fn quote(word: &str) -> String {
    let parts = word.split('"').map(|part| format!("\"{part}\""));
    parts.collect::<Vec<_>>().join("'\"'")
}
