//! The findings of a verification.

use serde_json::{Value as Json, json};
use tlog_tiles::Checkpoint;

use crate::commands::output::say;

/// The most findings that are printed; more are counted.
const MOST: usize = 1_000;

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Checkpoint,
    Fork,
    RolledBack,
    Inconsistent,
    Root,
    Tile,
    EntryChanged,
    EntryMissing,
    EntryReordered,
    RowChanged,
    RowRemoved,
    RowInserted,
    RowReordered,
    CopyDiffers,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Checkpoint => "checkpoint",
            Self::Fork => "fork",
            Self::RolledBack => "rolled-back",
            Self::Inconsistent => "inconsistent",
            Self::Root => "root",
            Self::Tile => "tile",
            Self::EntryChanged => "entry-changed",
            Self::EntryMissing => "entry-missing",
            Self::EntryReordered => "entry-reordered",
            Self::RowChanged => "row-changed",
            Self::RowRemoved => "row-removed",
            Self::RowInserted => "row-inserted",
            Self::RowReordered => "row-reordered",
            Self::CopyDiffers => "copy-differs",
        }
    }
}

/// An error that a verification has found.
pub(super) struct Finding {
    kind: Kind,
    /// The number of the entry.
    index: Option<u64>,
    /// The id of the change.
    change: Option<String>,
    text: String,
}

impl Finding {
    pub(super) fn of(kind: Kind, text: String) -> Self {
        Self { kind, index: None, change: None, text }
    }

    pub(super) fn at(self, index: u64) -> Self {
        Self { index: Some(index), ..self }
    }

    pub(super) fn about(self, change: impl Into<String>) -> Self {
        Self { change: Some(change.into()), ..self }
    }
}

/// The result of a verification.
pub(super) struct Report {
    source: String,
    origin: String,
    size: u64,
    root: String,
    pub(super) witnesses: Vec<String>,
    /// How many rows of the audit trail were compared.
    pub(super) rows: u64,
    /// How many rows are not in the log yet.
    pub(super) unlogged: u64,
    findings: Vec<Finding>,
    more: u64,
    notes: Vec<&'static str>,
}

impl Report {
    pub(super) fn new(source: String) -> Self {
        Self {
            source,
            origin: String::new(),
            size: 0,
            root: String::new(),
            witnesses: Vec::new(),
            rows: 0,
            unlogged: 0,
            findings: Vec::new(),
            more: 0,
            notes: Vec::new(),
        }
    }

    pub(super) fn describe(&mut self, checkpoint: &Checkpoint) {
        (self.origin, self.size) = (checkpoint.origin().to_owned(), checkpoint.size());
        self.root = checkpoint.hash().to_string();
    }

    pub(super) fn note(&mut self, text: &'static str) {
        self.notes.push(text);
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_right(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn print(&self) {
        say(format_args!("{}: log `{}`, {} entries, root {}", self.source, self.origin, self.size, self.root));
        if !self.witnesses.is_empty() {
            say(format_args!("cosigned by {}", self.witnesses.join(", ")));
        }
        for note in &self.notes {
            say(format_args!("note: {note}"));
        }
        for finding in &self.findings {
            let index = finding.index.map(|index| format!(" entry {index}")).unwrap_or_default();
            let change = finding.change.as_ref().map(|change| format!(" {change}")).unwrap_or_default();
            say(format_args!("WRONG {}{index}{change}: {}", finding.kind.name(), finding.text));
        }
        if self.more > 0 {
            say(format_args!("WRONG and {} more", self.more));
        }
        let rows = if self.rows > 0 || self.unlogged > 0 {
            format!("; {} rows of the audit trail compared, {} not in the log yet", self.rows, self.unlogged)
        } else {
            String::new()
        };
        say(format_args!("{}{rows}", if self.is_right() { "all is right" } else { "NOT all is right" }));
    }

    pub(super) fn json(&self) -> Json {
        let finding = |finding: &Finding| {
            json!({
                "kind": finding.kind.name(),
                "index": finding.index,
                "change": finding.change,
                "text": finding.text,
            })
        };
        json!({
            "source": self.source,
            "origin": self.origin,
            "size": self.size,
            "rootHash": self.root,
            "witnesses": self.witnesses,
            "rows": self.rows,
            "rowsNotInLog": self.unlogged,
            "isRight": self.is_right(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "moreFindings": self.more,
            "notes": self.notes,
        })
    }
}
