//! Paging through results (XEP-0059).
//!
//! ```
//! use takeover_protocols::rsm::{Page, Request};
//! use takeover_protocols::xml::Element;
//! let set = "<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><before/></set>";
//! let request = Request::from_element(&Element::parse(set).unwrap()).unwrap();
//! assert_eq!((request.max, request.page), (Some(10), Page::Last));
//! ```

use crate::ns;
use crate::xml::Element;

/// Which page is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The first one (section 2.1).
    #[default]
    First,
    /// The one that follows this item (section 2.2).
    After(String),
    /// The one before this item (section 2.3).
    Before(String),
    /// The last one (section 2.5).
    Last,
}

/// What is asked for: `<set/>` of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// At most so many items; 0 asks only how many there are (section 2.7).
    pub max: Option<usize>,
    /// Which page.
    pub page: Page,
}

/// Why a `<set/>` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RsmError {
    /// `<max/>` is no number.
    #[error("<max/> is a number of items, 0 or more")]
    Max,
    /// A page by its index (section 2.4), which is optional and not offered.
    #[error("pages are found by <after/> and <before/>, not by <index/>")]
    Index,
    /// More than one page is asked for.
    #[error("<after/> and <before/> do not go together")]
    Both,
}

impl Request {
    /// Reads the `<set/>`.
    ///
    /// # Errors
    /// [`RsmError`] says what is not allowed.
    pub fn from_element(set: &Element) -> Result<Self, RsmError> {
        let text = |name| {
            let child = set.child(name, ns::RSM);
            child.map(|child| child.text().trim().to_owned())
        };
        if text("index").is_some() {
            return Err(RsmError::Index);
        }
        let max = match text("max") {
            None => None,
            Some(max) => Some(max.parse().map_err(|_| RsmError::Max)?),
        };
        let page = match (text("after"), text("before")) {
            (Some(_), Some(_)) => return Err(RsmError::Both),
            (Some(after), None) if after.is_empty() => Page::First,
            (Some(after), None) => Page::After(after),
            (None, Some(before)) if before.is_empty() => Page::Last,
            (None, Some(before)) => Page::Before(before),
            (None, None) => Page::First,
        };
        Ok(Self { max, page })
    }
}

/// What a page is: `<set/>` of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The first item's id, and its place in the whole, counted from 0, where it is known.
    pub first: Option<(String, Option<u64>)>,
    /// The last item's id.
    pub last: Option<String>,
    /// How many items there are in the whole, where it is known.
    pub count: Option<u64>,
}

impl Answer {
    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let text = |name: &'static str, text: String| Element::new(name, ns::RSM).with_text(text);
        let first = self.first.as_ref().map(|(id, index)| {
            let index = index.map(|index| index.to_string());
            text("first", id.clone()).with_attr_opt("index", index)
        });
        Element::new("set", ns::RSM)
            .with_children(first)
            .with_children(self.last.clone().map(|last| text("last", last)))
            .with_children(self.count.map(|count| text("count", count.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inside: &str) -> Result<Request, RsmError> {
        let set = format!("<set xmlns='{}'>{inside}</set>", ns::RSM);
        Request::from_element(&Element::parse(set).unwrap())
    }

    /// XEP-0059, sections 2.1 to 2.5 and 2.7.
    #[test]
    fn requests() {
        let request = |max, page| Ok(Request { max, page });
        assert_eq!(read(""), request(None, Page::First));
        assert_eq!(read("<max>0</max>"), request(Some(0), Page::First));
        let after = Page::After("peter@pixyland.org".into());
        assert_eq!(
            read("<max>10</max><after>peter@pixyland.org</after>"),
            request(Some(10), after)
        );
        assert_eq!(
            read("<before>x</before>"),
            request(None, Page::Before("x".into()))
        );
        assert_eq!(read("<before/>"), request(None, Page::Last));
        assert_eq!(read("<max>ten</max>"), Err(RsmError::Max));
        assert_eq!(read("<max>-1</max>"), Err(RsmError::Max));
        assert_eq!(read("<index>371</index>"), Err(RsmError::Index));
        assert_eq!(
            read("<after>a</after><before>b</before>"),
            Err(RsmError::Both)
        );
    }

    /// XEP-0059, section 2.1 (example 2), and 2.7: an empty page has no first and no last.
    #[test]
    fn answers() {
        let whole = Answer {
            first: Some(("stpeter@jabber.org".into(), Some(0))),
            last: Some("peterpan@neverland.lit".into()),
            count: Some(800),
        };
        let wanted = "<set xmlns='http://jabber.org/protocol/rsm'>\
                      <first index='0'>stpeter@jabber.org</first>\
                      <last>peterpan@neverland.lit</last><count>800</count></set>";
        assert_eq!(whole.to_element(), Element::parse(wanted).unwrap());
        let empty = Answer {
            count: Some(0),
            ..Answer::default()
        };
        let wanted = "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>";
        assert_eq!(empty.to_element(), Element::parse(wanted).unwrap());
    }
}
