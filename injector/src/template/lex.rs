//! Splits a template into tokens.

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Error,
    Bool,
    /// Any other printable ASCII character.
    Char,
    CharConstant,
    /// A complex constant of two parts, `1+2i`.
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelimiter,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelimiter,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl TokenKind {
    /// Whether it is one of the language's words; `.` and `nil` are among them.
    pub fn is_keyword(self) -> bool {
        matches!(
            self,
            TokenKind::Block
                | TokenKind::Break
                | TokenKind::Continue
                | TokenKind::Dot
                | TokenKind::Define
                | TokenKind::Else
                | TokenKind::End
                | TokenKind::If
                | TokenKind::Nil
                | TokenKind::Range
                | TokenKind::Template
                | TokenKind::With
        )
    }

    /// Whether an operand of a command may start with it.
    pub fn starts_operand(self) -> bool {
        matches!(
            self,
            TokenKind::Bool
                | TokenKind::CharConstant
                | TokenKind::Complex
                | TokenKind::Dot
                | TokenKind::Field
                | TokenKind::Identifier
                | TokenKind::Number
                | TokenKind::Nil
                | TokenKind::RawString
                | TokenKind::String
                | TokenKind::Variable
                | TokenKind::LeftParen
        )
    }

    fn keyword(word: &str) -> Option<TokenKind> {
        Some(match word {
            "block" => TokenKind::Block,
            "break" => TokenKind::Break,
            "continue" => TokenKind::Continue,
            "define" => TokenKind::Define,
            "else" => TokenKind::Else,
            "end" => TokenKind::End,
            "if" => TokenKind::If,
            "nil" => TokenKind::Nil,
            "range" => TokenKind::Range,
            "template" => TokenKind::Template,
            "with" => TokenKind::With,
            _ => return None,
        })
    }
}

/// A token: its place in the text, and what is wrong with it if it is an error.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
    pub problem: String,
}

impl Token {
    fn new(kind: TokenKind, start: usize, end: usize) -> Token {
        Token { kind, start, end, problem: String::new() }
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Gives one token after the other. After an error there are no more.
pub(super) struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    inside: bool,
    parens: usize,
    /// Function names are not keywords.
    pub break_is_keyword: bool,
    pub continue_is_keyword: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { text, pos: 0, inside: false, parens: 0, break_is_keyword: true, continue_is_keyword: true }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn token(&mut self, kind: TokenKind, length: usize) -> Token {
        let start = self.pos;
        self.pos += length;
        Token::new(kind, start, self.pos)
    }

    fn error(&self, start: usize, problem: impl Into<String>) -> Token {
        Token { kind: TokenKind::Error, start, end: start, problem: problem.into() }
    }

    /// The next token.
    pub fn next(&mut self) -> Token {
        if self.inside { self.inside_action() } else { self.outside() }
    }

    /// Text up to the next action, or the action's start. Comments are skipped.
    fn outside(&mut self) -> Token {
        loop {
            let start = self.pos;
            let Some(at) = self.rest().find(LEFT) else {
                self.pos = self.text.len();
                let kind = if start < self.pos { TokenKind::Text } else { TokenKind::Eof };
                return Token::new(kind, start, self.pos);
            };
            let delimiter = start + at;
            let after = self.text.get(delimiter + LEFT.len()..).unwrap_or_default();
            let trim = has_left_marker(after);
            if at > 0 {
                let text = self.text.get(start..delimiter).unwrap_or_default();
                let kept = if trim { text.trim_end_matches(SPACES).len() } else { text.len() };
                self.pos = delimiter;
                if kept > 0 {
                    return Token::new(TokenKind::Text, start, start + kept);
                }
            }
            let body = delimiter + LEFT.len() + if trim { 2 } else { 0 };
            if self.text.get(body..).is_some_and(|t| t.starts_with("/*")) {
                if let Err(error) = self.skip_comment(body) {
                    return error;
                }
                continue;
            }
            self.pos = body;
            self.inside = true;
            self.parens = 0;
            return Token::new(TokenKind::LeftDelimiter, delimiter, delimiter + LEFT.len());
        }
    }

    fn skip_comment(&mut self, start: usize) -> Result<(), Token> {
        let Some(length) = self.text.get(start + 2..).and_then(|t| t.find("*/")) else {
            return Err(self.error(start, "unclosed comment"));
        };
        self.pos = start + 2 + length + 2;
        match self.right_delimiter() {
            None => Err(self.error(start, "comment ends before closing delimiter")),
            Some(trim) => {
                self.skip_right_delimiter(trim);
                Ok(())
            }
        }
    }

    /// Whether a right delimiter is here, and whether it trims.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_marker(rest) && rest.get(2..).is_some_and(|r| r.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn skip_right_delimiter(&mut self, trim: bool) {
        self.pos += RIGHT.len();
        if trim {
            self.pos += 2;
            self.pos += self.rest().len() - self.rest().trim_start_matches(SPACES).len();
        }
    }

    fn inside_action(&mut self) -> Token {
        if let Some(trim) = self.right_delimiter() {
            if self.parens > 0 {
                return self.error(self.pos, "unclosed left paren");
            }
            let start = self.pos + if trim { 2 } else { 0 };
            self.inside = false;
            self.skip_right_delimiter(trim);
            return Token::new(TokenKind::RightDelimiter, start, start + RIGHT.len());
        }
        let Some(c) = self.peek() else {
            return self.error(self.pos, "unclosed action");
        };
        match c {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.token(TokenKind::Assign, 1),
            ':' if self.rest().starts_with(":=") => self.token(TokenKind::Declare, 2),
            ':' => self.error(self.pos, "expected :="),
            '|' => self.token(TokenKind::Pipe, 1),
            '"' => self.quoted('"', TokenKind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', TokenKind::CharConstant, "unterminated character constant"),
            '`' => match self.rest().get(1..).and_then(|t| t.find('`')) {
                Some(length) => self.token(TokenKind::RawString, length + 2),
                None => self.error(self.pos, "unterminated raw quoted string"),
            },
            '$' => self.field_or_variable(TokenKind::Variable, TokenKind::Variable),
            // A point at the very end is treated as a number, an invalid one.
            '.' if self.rest().as_bytes().get(1).is_some_and(|b| !b.is_ascii_digit()) => {
                self.field_or_variable(TokenKind::Field, TokenKind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            c if is_alphanumeric(c) => self.identifier(),
            '(' => {
                self.parens += 1;
                self.token(TokenKind::LeftParen, 1)
            }
            ')' => match self.parens.checked_sub(1) {
                Some(parens) => {
                    self.parens = parens;
                    self.token(TokenKind::RightParen, 1)
                }
                None => self.error(self.pos + 1, "unexpected right paren"),
            },
            ' '..='~' => self.token(TokenKind::Char, 1),
            c => self.error(self.pos, format!("unrecognized character in action: {}", code_point(c))),
        }
    }

    /// A run of spaces; its last one may belong to a trimming delimiter.
    fn space(&mut self) -> Token {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(SPACES).len();
        let last = rest.get(length - 1..).unwrap_or_default();
        if has_right_marker(last) && last.get(2..).is_some_and(|r| r.starts_with(RIGHT)) {
            if length == 1 {
                return self.inside_action();
            }
            return self.token(TokenKind::Space, length - 1);
        }
        self.token(TokenKind::Space, length)
    }

    fn quoted(&mut self, quote: char, kind: TokenKind, unterminated: &str) -> Token {
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                '\\' if chars.next().is_none_or(|(_, c)| c == '\n') => break,
                '\\' => {}
                '\n' => break,
                c if c == quote => return self.token(kind, i + 1),
                _ => {}
            }
        }
        self.error(self.pos, unterminated)
    }

    fn word_length(text: &str) -> usize {
        text.find(|c| !is_alphanumeric(c)).unwrap_or(text.len())
    }

    fn field_or_variable(&mut self, kind: TokenKind, alone: TokenKind) -> Token {
        let length = 1 + Self::word_length(self.rest().get(1..).unwrap_or_default());
        if length == 1 && self.ends_word(1) {
            return self.token(alone, 1);
        }
        if !self.ends_word(length) {
            return self.bad_character(length);
        }
        self.token(kind, length)
    }

    fn identifier(&mut self) -> Token {
        let length = Self::word_length(self.rest());
        if !self.ends_word(length) {
            return self.bad_character(length);
        }
        let word = self.rest().get(..length).unwrap_or_default();
        let kind = match TokenKind::keyword(word) {
            Some(TokenKind::Break) if !self.break_is_keyword => TokenKind::Identifier,
            Some(TokenKind::Continue) if !self.continue_is_keyword => TokenKind::Identifier,
            Some(keyword) => keyword,
            None if word == "true" || word == "false" => TokenKind::Bool,
            None => TokenKind::Identifier,
        };
        self.token(kind, length)
    }

    fn bad_character(&self, length: usize) -> Token {
        let c = self.text.get(self.pos + length..).and_then(|t| t.chars().next());
        self.error(self.pos, format!("bad character {}", c.map_or_else(|| "U+FFFFFFFFFFFFFFFF".into(), code_point)))
    }

    /// Whether the text after a word may follow a word.
    fn ends_word(&self, length: usize) -> bool {
        let after = self.text.get(self.pos + length..).unwrap_or_default();
        match after.chars().next() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => after.starts_with(RIGHT),
        }
    }

    fn number(&mut self) -> Token {
        let start = self.pos;
        let bad = |lexer: &Self, end: usize| {
            let text = lexer.text.get(start..end).unwrap_or_default();
            lexer.error(start, format!("bad number syntax: {}", super::quote::quote(text)))
        };
        let end = match scan_number(self.text, start) {
            Ok(end) => end,
            Err(end) => return bad(self, end),
        };
        let mut kind = TokenKind::Number;
        let mut end = end;
        if self.text.get(end..).is_some_and(|t| t.starts_with(['+', '-'])) {
            match scan_number(self.text, end) {
                Ok(second) if self.text.get(..second).is_some_and(|t| t.ends_with('i')) => end = second,
                Ok(second) | Err(second) => return bad(self, second),
            }
            kind = TokenKind::Complex;
        }
        self.pos = end;
        Token::new(kind, start, end)
    }
}

/// The end of a number, which need not be a valid one. The error is the place at which the text stops being acceptable.
fn scan_number(text: &str, start: usize) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    let mut pos = start;
    let accept = |pos: &mut usize, set: &str| {
        let found = bytes.get(*pos).is_some_and(|b| set.as_bytes().contains(b));
        *pos += usize::from(found);
        found
    };
    let run = |pos: &mut usize, set: &str| while accept(pos, set) {};
    accept(&mut pos, "+-");
    let mut digits = "0123456789_";
    if accept(&mut pos, "0") {
        if accept(&mut pos, "xX") {
            digits = "0123456789abcdefABCDEF_";
        } else if accept(&mut pos, "oO") {
            digits = "01234567_";
        } else if accept(&mut pos, "bB") {
            digits = "01_";
        }
    }
    run(&mut pos, digits);
    if accept(&mut pos, ".") {
        run(&mut pos, digits);
    }
    let exponent = match digits.len() {
        11 => "eE",
        23 => "pP",
        _ => "",
    };
    if accept(&mut pos, exponent) {
        accept(&mut pos, "+-");
        run(&mut pos, "0123456789_");
    }
    accept(&mut pos, "i");
    match text.get(pos..).and_then(|t| t.chars().next()) {
        Some(c) if is_alphanumeric(c) => Err(pos + c.len_utf8()),
        _ => Ok(pos),
    }
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}

fn has_left_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', space, ..] if is_space(*space))
}

fn has_right_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [space, b'-', ..] if is_space(*space))
}

/// A character as Go's `%#U` writes it.
fn code_point(c: char) -> String {
    let code = format!("U+{:04X}", u32::from(c));
    if super::quote::is_printable(c) { format!("{code} '{c}'") } else { code }
}
