//! What a person sees of a run: a live timeline on the terminal, a verdict, a page with a picture.
//!
//! All of it is fed by the journal; nothing here is a source of truth.

mod html;
mod paint;
mod picture;
mod srm;
mod svg;
mod table;
mod tell;
mod timeline;

pub use html::{album, page};
pub use paint::{paint, paint_since};
pub use picture::{Lane, LaneKind, Mark, Picture, Span, Tone};
pub(crate) use svg::escape;
pub use table::Table;
pub use tell::{tell, tell_client, tone_of, tone_of_client, tone_of_service};
pub use timeline::{Line, Timeline};

#[cfg(test)]
mod tests;
