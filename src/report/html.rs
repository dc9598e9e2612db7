//! The page: one file that needs nothing else, readable on a screen and on paper.

use super::svg::{draw, escape};
use super::{Picture, Table, Tone};

/// A whole page: title, verdict tables, the picture, and what its numbers mean.
#[must_use]
pub fn page(picture: &Picture, tables: &[(&str, Table)]) -> String {
    let mut page = head(&picture.title, &picture.subtitle, tables);
    page.push_str("<section class=\"picture\">\n<h2>What happened when</h2>\n");
    page.push_str(&draw(picture));
    page.push_str(&legend());
    page.push_str("</section>\n<section class=\"told\">\n<h2>The numbers in the picture</h2>\n");
    page.push_str(&told(picture));
    page.push_str("</section>\n</body>\n</html>\n");
    page
}

/// A page with several pictures under each other, each with what its numbers mean.
#[must_use]
pub fn album(
    title: &str,
    subtitle: &str,
    tables: &[(&str, Table)],
    pictures: &[Picture],
) -> String {
    let mut page = head(title, subtitle, tables);
    page.push_str(&legend());
    for picture in pictures {
        page.push_str("<section class=\"picture\">\n");
        page.push_str(&format!("<h2>{}</h2>\n", escape(&picture.title)));
        page.push_str(&format!("<p>{}</p>\n", escape(&picture.subtitle)));
        page.push_str(&draw(picture));
        page.push_str("</section>\n<section class=\"told\">\n");
        page.push_str(&told(picture));
        page.push_str("</section>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn head(title: &str, subtitle: &str, tables: &[(&str, Table)]) -> String {
    let mut page = String::new();
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str(&format!("<title>{}</title>\n", escape(title)));
    page.push_str(&format!(
        "<style>\n{}</style>\n</head>\n<body>\n",
        include_str!("page.css")
    ));
    page.push_str(&format!("<h1>{}</h1>\n", escape(title)));
    page.push_str(&format!("<p class=\"lead\">{}</p>\n", escape(subtitle)));
    page.push_str("<div class=\"tables\">\n");
    for (title, table) in tables {
        let title = escape(title);
        page.push_str(&format!(
            "<section><h2>{title}</h2>\n{}</section>\n",
            table.to_html()
        ));
    }
    page.push_str("</div>\n");
    page
}

fn legend() -> String {
    let meaning = |tone: Tone| match tone {
        Tone::Good => "well: serving its own, logged in",
        Tone::Busy => "serving its peer's users too",
        Tone::Moving => "on the way",
        Tone::Bad => "failed over, down, not logged in",
        Tone::Dark => "off or unknown",
        Tone::Plain => "waiting",
    };
    let entry = |tone: Tone| {
        let class = tone.class();
        format!(
            "<span class=\"key\"><i class=\"{class}\"></i>{}</span>",
            meaning(tone)
        )
    };
    let entries: String = Tone::ALL.into_iter().map(entry).collect();
    format!(
        "<p class=\"legend\">{entries}<span class=\"key\">small ticks: messages sent, red where they came back as errors; \
         heartbeats, blue where they bring news; red at the end of a timer: it fired</span></p>\n"
    )
}

fn told(picture: &Picture) -> String {
    let mut rows = String::new();
    for (number, lane, mark) in picture.told() {
        rows.push_str(&format!(
            "<tr><td class=\"figure\">{number}</td><td class=\"figure\">{:.1} s</td><td>{}</td>\
             <td><i class=\"dot {}\"></i>{}</td><td>{}</td></tr>\n",
            mark.at.as_secs_f64(),
            escape(&lane.name),
            mark.tone.class(),
            escape(&mark.what),
            escape(mark.why.as_deref().unwrap_or_default()),
        ));
    }
    format!(
        "<table>\n<thead><tr><th class=\"figure\">no.</th><th class=\"figure\">time</th>\
         <th>where</th><th>what</th><th>why</th></tr></thead>\n<tbody>{rows}</tbody>\n</table>\n"
    )
}
