//! Message archives: questions and answers (XEP-0313, `urn:xmpp:mam:2` and `#extended`).
//!
//! Ids of an archive are the numbers of its messages ([`HistoryEntry::seq`](crate::muc::HistoryEntry)),
//! which are also their stable ids (XEP-0359).
//!
//! ```
//! use takeover_protocols::mam::Query;
//! use takeover_protocols::xml::Element;
//! let query = "<query xmlns='urn:xmpp:mam:2' queryid='f27'>\
//!     <set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set></query>";
//! let query = Query::from_element(&Element::parse(query).unwrap()).unwrap();
//! assert_eq!((query.id.as_deref(), query.max), (Some("f27"), Some(10)));
//! ```

use crate::datetime::Timestamp;
use crate::delay::Delay;
use crate::forms::{Field, FieldKind, Form, FormKind};
use crate::jid::Jid;
use crate::ns;
use crate::rsm::{self, RsmError};
use crate::stanza::{Condition, Stanza, StanzaError};
use crate::xml::Element;

/// Feature: ids in filters, the last page first, metadata (section 4.1.4 and following).
pub const EXTENDED: &str = "urn:xmpp:mam:2#extended";

/// Feature: messages are found by the words in them (XEP-0431).
pub const FULL_TEXT_SEARCH: &str = "urn:xmpp:fulltext:0";

/// The field of a text search (XEP-0431).
const FULL_TEXT: &str = "{urn:xmpp:fulltext:0}fulltext";

/// Most ids that one question may name.
const IDS: usize = 256;

/// A page of an archive by the numbers of its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The oldest messages.
    #[default]
    First,
    /// Those that follow this one.
    After(u64),
    /// Those before this one, the newest of them.
    Before(u64),
    /// The newest messages.
    Last,
}

/// A question to an archive. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The client's name of the question, repeated in each result.
    pub id: Option<String>,
    /// Messages exchanged with this address (section 4.1.1).
    pub with: Option<Jid>,
    /// Messages of this instant and later (section 4.1.2).
    pub start: Option<Timestamp>,
    /// Messages of this instant and earlier (section 4.1.2).
    pub end: Option<Timestamp>,
    /// Messages behind this one (section 4.1.4).
    pub after_id: Option<u64>,
    /// Messages before this one (section 4.1.4).
    pub before_id: Option<u64>,
    /// These messages alone (section 4.1.4).
    pub ids: Vec<u64>,
    /// Messages whose body holds these words (XEP-0431).
    pub text: Option<String>,
    /// At most so many messages a page.
    pub max: Option<usize>,
    /// Which page.
    pub page: Page,
    /// The page is given newest first (section 4.3.2).
    pub flip: bool,
}

/// Why a question is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MamError {
    /// No such message in the archive (section 4.3).
    #[error("{0:?} is the id of no message here")]
    NoSuchMessage(String),
    /// A field of the form that is not known here (section 4.1.5).
    #[error("no filter is called {0:?}")]
    UnknownField(String),
    /// A field whose value cannot be read.
    #[error("{field} = {value:?}: {allowed}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would be allowed.
        allowed: &'static str,
    },
    /// The form is not one of an archive.
    #[error("the form is not of type urn:xmpp:mam:2")]
    Form,
    /// The page that is asked for.
    #[error(transparent)]
    Page(#[from] RsmError),
}

impl MamError {
    /// The error that the asker gets.
    #[must_use]
    pub fn to_error(&self) -> StanzaError {
        let condition = match self {
            Self::NoSuchMessage(_) => Condition::ItemNotFound,
            Self::UnknownField(_) | Self::Page(RsmError::Index) => Condition::FeatureNotImplemented,
            Self::Value { .. } | Self::Form | Self::Page(RsmError::Max | RsmError::Both) => {
                Condition::BadRequest
            }
        };
        StanzaError::new(condition).with_text(self.to_string())
    }
}

impl Query {
    /// Reads a `<query/>` that was sent as a `set`.
    ///
    /// # Errors
    /// [`MamError`]: a filter that is not known, a value that cannot be read, an id that no message
    /// can have.
    pub fn from_element(query: &Element) -> Result<Self, MamError> {
        let mut read = Self {
            id: query.attr("queryid").map(str::to_owned),
            flip: query.child("flip-page", ns::MAM).is_some(),
            ..Self::default()
        };
        if let Some(form) = query.child("x", ns::DATA_FORMS) {
            let form = Form::from_element(form).ok_or(MamError::Form)?;
            read.filter(&form)?;
        }
        if let Some(set) = query.child("set", ns::RSM) {
            let asked = rsm::Request::from_element(set)?;
            read.max = asked.max;
            read.page = match &asked.page {
                rsm::Page::First => Page::First,
                rsm::Page::After(id) => Page::After(number(id)?),
                rsm::Page::Before(id) => Page::Before(number(id)?),
                rsm::Page::Last => Page::Last,
            };
        }
        Ok(read)
    }

    fn filter(&mut self, form: &Form) -> Result<(), MamError> {
        if form.kind != FormKind::Submit || form.form_type() != Some(ns::MAM) {
            return Err(MamError::Form);
        }
        for field in &form.fields {
            let value = field.value().unwrap_or_default().trim();
            match field.var.as_deref() {
                None | Some("FORM_TYPE") => {}
                // An empty field is one that was not filled in.
                Some(_) if value.is_empty() => {}
                Some("with") => self.with = Some(address(value)?),
                Some("start") => self.start = Some(instant("start", value)?),
                Some("end") => self.end = Some(instant("end", value)?),
                Some("after-id") => self.after_id = Some(number(value)?),
                Some("before-id") => self.before_id = Some(number(value)?),
                Some("ids") => self.ids = numbers(&field.values)?,
                Some(FULL_TEXT) => self.text = Some(value.to_owned()),
                Some(other) => return Err(MamError::UnknownField(other.to_owned())),
            }
        }
        Ok(())
    }

    /// Whether the whole archive is asked for, from one end to the other.
    #[must_use]
    pub fn is_unfiltered(&self) -> bool {
        let Self {
            id: _,
            with,
            start,
            end,
            after_id,
            before_id,
            ids,
            text,
            max: _,
            page: _,
            flip: _,
        } = self;
        with.is_none()
            && start.is_none()
            && end.is_none()
            && after_id.is_none()
            && before_id.is_none()
            && ids.is_empty()
            && text.is_none()
    }

    /// The messages that the question names, which must be there (sections 4.1.4 and 4.3).
    #[must_use]
    pub fn named(&self) -> Vec<u64> {
        let paged = match self.page {
            Page::First | Page::Last => None,
            Page::After(id) | Page::Before(id) => Some(id),
        };
        let others = [self.after_id, self.before_id, paged];
        let others = others.into_iter().flatten();
        self.ids.iter().copied().chain(others).collect()
    }
}

fn number(id: &str) -> Result<u64, MamError> {
    // Ids have one form each, "07" is none; the first message is number 1.
    let number = id.parse().ok();
    let number = number.filter(|n: &u64| *n > 0 && n.to_string() == id);
    number.ok_or_else(|| MamError::NoSuchMessage(id.to_owned()))
}

fn numbers(ids: &[String]) -> Result<Vec<u64>, MamError> {
    if ids.len() > IDS {
        return Err(MamError::Value {
            field: "ids",
            value: format!("{} ids", ids.len()),
            allowed: "up to 256 ids",
        });
    }
    let mut numbers = ids
        .iter()
        .map(|id| number(id.trim()))
        .collect::<Result<Vec<u64>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn address(value: &str) -> Result<Jid, MamError> {
    crate::jid::parse(value).map_err(|_| MamError::Value {
        field: "with",
        value: value.to_owned(),
        allowed: "an address",
    })
}

fn instant(field: &'static str, value: &str) -> Result<Timestamp, MamError> {
    value.parse().map_err(|_| MamError::Value {
        field,
        value: value.to_owned(),
        allowed: "an instant as in 2026-01-31T12:00:00Z (XEP-0082)",
    })
}

/// The filters there are, as a form to be filled in (section 4.1.5).
#[must_use]
pub fn form() -> Element {
    let field = |kind, var: &str, label: &str| Field::new(kind, var, label, [] as [&str; 0]);
    let form = Form::new(FormKind::Form, ns::MAM)
        .with_field(field(FieldKind::JidSingle, "with", "Said by"))
        .with_field(field(FieldKind::TextSingle, "start", "Not before"))
        .with_field(field(FieldKind::TextSingle, "end", "Not after"))
        .with_field(field(FieldKind::TextSingle, "after-id", "Behind message"))
        .with_field(field(FieldKind::TextSingle, "before-id", "Before message"))
        .with_field(field(FieldKind::ListMulti, "ids", "Messages"))
        .with_field(field(FieldKind::TextSingle, FULL_TEXT, "Words"));
    Element::new("query", ns::MAM).with_child(form.to_element())
}

/// One message out of an archive, for the asker (section 4.2). `said` is given without `to`.
#[must_use]
pub fn result(query: &Query, seq: u64, at: Timestamp, said: &Stanza) -> Element {
    let forwarded = Element::new("forwarded", ns::FORWARD)
        .with_child(Delay::new(at).to_element())
        .with_child(said.to_element());
    Element::new("result", ns::MAM)
        .with_attr_opt("queryid", query.id.as_deref())
        .with_attr("id", seq.to_string())
        .with_child(forwarded)
}

/// The end of a page (section 4.3): whether nothing follows it in the direction of paging, and where
/// it lies.
#[must_use]
pub fn fin(complete: bool, page: &rsm::Answer) -> Element {
    Element::new("fin", ns::MAM)
        .with_attr_opt("complete", complete.then_some("true"))
        .with_child(page.to_element())
}

/// The first and the last message of an archive (section 5); an empty archive has neither.
#[must_use]
pub fn metadata(ends: Option<[(u64, Timestamp); 2]>) -> Element {
    let end = |name: &'static str, (seq, at): (u64, Timestamp)| {
        Element::new(name, ns::MAM)
            .with_attr("id", seq.to_string())
            .with_attr("timestamp", at.to_string())
    };
    let ends = ends.map(|[first, last]| [end("start", first), end("end", last)]);
    Element::new("metadata", ns::MAM).with_children(ends.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(fields: &str) -> Result<Query, MamError> {
        read(&format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>\
             <value>urn:xmpp:mam:2</value></field>{fields}</x>"
        ))
    }

    fn field(var: &str, values: &[&str]) -> String {
        let value = |value: &&str| format!("<value>{value}</value>");
        let values: String = values.iter().map(value).collect();
        format!("<field var='{var}'>{values}</field>")
    }

    fn read(inside: &str) -> Result<Query, MamError> {
        let query = format!("<query xmlns='urn:xmpp:mam:2'>{inside}</query>");
        Query::from_element(&Element::parse(query).unwrap())
    }

    fn refused(read: Result<Query, MamError>) -> Condition {
        read.unwrap_err().to_error().condition
    }

    /// XEP-0313, section 4.1: every filter, and what is not filled in.
    #[test]
    fn filters() {
        let query = submit(
            &[
                field("with", &["juliet@capulet.lit"]),
                field("start", &["2010-06-07T00:00:00Z"]),
                field("end", &["2010-07-07T13:23:54Z"]),
                field("after-id", &["28"]),
                field("before-id", &["99"]),
                field("ids", &["31", "30", "31"]),
                field(FULL_TEXT, &["balcony scene"]),
            ]
            .concat(),
        )
        .unwrap();
        assert_eq!(query.with.as_ref().unwrap().as_str(), "juliet@capulet.lit");
        assert_eq!(query.start.unwrap().to_string(), "2010-06-07T00:00:00Z");
        assert_eq!(query.end.unwrap().to_string(), "2010-07-07T13:23:54Z");
        assert_eq!((query.after_id, query.before_id), (Some(28), Some(99)));
        assert_eq!(query.ids, [30, 31]);
        assert_eq!(query.named(), [30, 31, 28, 99]);
        assert_eq!(query.text.as_deref(), Some("balcony scene"));
        assert!(!query.is_unfiltered());
        let empty = submit(&field("with", &[])).unwrap();
        assert!(empty.is_unfiltered());
        assert_eq!(empty, Query::default());
    }

    /// XEP-0313, sections 4.1.5 and 4.3: what is refused, and how.
    #[test]
    fn refusals() {
        use Condition as C;
        assert_eq!(
            refused(submit(&field("colour", &["red"]))),
            C::FeatureNotImplemented
        );
        assert_eq!(
            refused(submit(&field("start", &["yesterday"]))),
            C::BadRequest
        );
        assert_eq!(refused(submit(&field("with", &["@@"]))), C::BadRequest);
        for (var, id) in [("after-id", "07"), ("before-id", "0"), ("ids", "0")] {
            assert_eq!(refused(submit(&field(var, &[id]))), C::ItemNotFound);
        }
        let many: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(refused(submit(&field("ids", &many))), C::BadRequest);
        assert_eq!(
            refused(read("<x xmlns='jabber:x:data' type='submit'/>")),
            C::BadRequest
        );
        let page = |inside: &str| {
            refused(read(&format!(
                "<set xmlns='http://jabber.org/protocol/rsm'>{inside}</set>"
            )))
        };
        assert_eq!(page("<index>3</index>"), C::FeatureNotImplemented);
        assert_eq!(page("<max>many</max>"), C::BadRequest);
        assert_eq!(page("<after>first</after>"), C::ItemNotFound);
    }

    /// XEP-0313, section 4.1.5: the form names its filters.
    #[test]
    fn the_form_names_its_filters() {
        let form = form();
        let form = Form::from_element(form.child("x", ns::DATA_FORMS).unwrap()).unwrap();
        assert_eq!(form.form_type(), Some(ns::MAM));
        for var in [
            "with",
            "start",
            "end",
            "before-id",
            "after-id",
            "ids",
            FULL_TEXT,
        ] {
            assert!(form.field(var).is_some(), "{var}");
        }
    }

    /// XEP-0313, sections 4.2, 4.3 and 5: answers as the examples have them.
    #[test]
    fn answers() {
        let said = "<message xmlns='jabber:client' from='coven@chat.shakespeare.lit/firstwitch' \
                    id='162BEBB1' type='groupchat'><body>Thrice the brinded cat</body></message>";
        let query = Query {
            id: Some("g27".into()),
            ..Query::default()
        };
        let at: Timestamp = "2002-10-13T23:58:37Z".parse().unwrap();
        let shown = result(&query, 34, at, &Stanza::parse(said).unwrap());
        let wanted = format!(
            "<result xmlns='urn:xmpp:mam:2' queryid='g27' id='34'>\
             <forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='2002-10-13T23:58:37Z'/>{said}</forwarded></result>"
        );
        assert_eq!(shown, Element::parse(wanted).unwrap());
        let end = fin(true, &rsm::Answer::default()).to_string();
        assert!(end.contains("complete='true'"), "{end}");
        assert!(
            !fin(false, &rsm::Answer::default())
                .to_string()
                .contains("complete")
        );
        let ends = metadata(Some([(1, at), (34, at)])).to_string();
        assert!(
            ends.contains("<start id='1' timestamp='2002-10-13T23:58:37Z'/>"),
            "{ends}"
        );
        assert_eq!(metadata(None), Element::new("metadata", ns::MAM));
    }
}
