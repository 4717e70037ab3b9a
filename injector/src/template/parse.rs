//! Reads a template's text into its tree, as Go's `text/template/parse` does, with its errors.

use std::collections::HashMap;

use super::ast::{Action, Branch, Command, Invocation, Node, Pipe, Position, Tree, Variable, Word, WordKind};
use super::builtin;
use super::error::Error;
use super::function::{Function, Functions};
use super::lex::{Lexer, Token, TokenKind};
use super::number::Number;
use super::quote::{quote, unquote};
use super::value::EcoString;

/// How deep actions and parentheses may be nested. Evaluation uses the stack for each level.
const MAX_NESTING: usize = 200;

/// All templates of a text, by name.
pub(super) type Trees = HashMap<EcoString, Tree>;

type Result<T> = std::result::Result<T, Box<Error>>;

/// How a list of nodes ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

impl End {
    fn text(self) -> &'static str {
        match self {
            End::End => "{{end}}",
            End::Else => "{{else}}",
        }
    }
}

enum Item {
    Node(Node),
    End(End),
}

/// The state of one template, without those defined in it.
struct Scope {
    variables: Vec<EcoString>,
    loops: usize,
    action: Option<Position>,
}

impl Scope {
    fn new() -> Scope {
        Scope { variables: vec!["$".into()], loops: 0, action: None }
    }
}

struct Parser<'a> {
    name: &'a str,
    text: &'a str,
    functions: &'a Functions,
    lexer: Lexer<'a>,
    /// The token read last, for the line of errors, and those pushed back, the next one last.
    last: Position,
    pending: Vec<Token>,
    scope: Scope,
    ids: HashMap<EcoString, u32>,
    trees: Trees,
    depth: usize,
}

/// Parses a text; the template of the whole text has the name given.
pub(super) fn parse(name: &str, text: &str, functions: &Functions) -> Result<Trees> {
    let mut lexer = Lexer::new(text);
    lexer.break_is_keyword = functions.get("break").is_none();
    lexer.continue_is_keyword = functions.get("continue").is_none();
    let mut parser = Parser {
        name,
        text,
        functions,
        lexer,
        last: 0,
        pending: Vec::new(),
        scope: Scope::new(),
        ids: HashMap::from([("$".into(), 0)]),
        trees: Trees::new(),
        depth: 0,
    };
    let nodes = parser.top()?;
    parser.add(name.into(), nodes)?;
    Ok(parser.trees)
}

impl<'a> Parser<'a> {
    // Tokens.

    fn next(&mut self) -> Token {
        self.pending.pop().unwrap_or_else(|| {
            let token = self.lexer.next();
            self.last = token.start;
            token
        })
    }

    fn back(&mut self, token: Token) {
        self.pending.push(token);
    }

    fn peek(&mut self) -> TokenKind {
        let token = self.next();
        let kind = token.kind;
        self.back(token);
        kind
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> TokenKind {
        let token = self.next_non_space();
        let kind = token.kind;
        self.back(token);
        kind
    }

    fn position(&mut self) -> Position {
        let token = self.next_non_space();
        let start = token.start;
        self.back(token);
        start
    }

    fn source(&self, token: &Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    // Errors.

    fn error<T>(&self, problem: impl Into<String>) -> Result<T> {
        Err(Box::new(Error::new(self.name, self.text, self.last, problem.into())))
    }

    fn line(&self, pos: Position) -> usize {
        self.text.get(..pos).unwrap_or_default().matches('\n').count() + 1
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Result<T> {
        if token.kind == TokenKind::Error {
            let mut extra = String::new();
            if let Some(action) = self.scope.action
                && self.line(action) != self.line(token.start)
            {
                let what = if token.problem.ends_with(" action") { "" } else { " in action" };
                extra = format!("{what} started at {}:{}", self.name, self.line(action));
            }
            return self.error(format!("{}{extra}", token.problem));
        }
        self.error(format!("unexpected {} in {context}", self.describe(token)))
    }

    fn describe(&self, token: &Token) -> String {
        let text = self.source(token);
        if token.kind == TokenKind::Eof {
            "EOF".into()
        } else if token.kind.is_keyword() {
            format!("<{text}>")
        } else if text.len() > 10 {
            let start: String = text.chars().take(10).collect();
            format!("{}...", quote(&start))
        } else {
            quote(text)
        }
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Result<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    /// Goes one level deeper, for a step that uses the stack.
    fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_NESTING {
            return self.error(format!("actions and parentheses are nested more than {MAX_NESTING} deep"));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    // Templates.

    fn top(&mut self) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        while self.peek() != TokenKind::Eof {
            if self.peek() == TokenKind::LeftDelimiter {
                let delimiter = self.next();
                let word = self.next_non_space();
                if word.kind == TokenKind::Define {
                    self.definition()?;
                    continue;
                }
                self.back(word);
                self.back(delimiter);
            }
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return self.error(format!("unexpected {}", end.text())),
            }
        }
        Ok(nodes)
    }

    fn add(&mut self, name: EcoString, nodes: Vec<Node>) -> Result<()> {
        let old = self.trees.get(&name);
        if old.is_none_or(|tree| self.is_blank(&tree.nodes)) {
            self.trees.insert(name.clone(), Tree { name, nodes });
        } else if !self.is_blank(&nodes) {
            return self.error(format!("template: multiple definition of template {}", quote(&name)));
        }
        Ok(())
    }

    fn is_blank(&self, nodes: &[Node]) -> bool {
        nodes.iter().all(|node| match node {
            Node::Text(start, end) => self.text.get(*start..*end).unwrap_or_default().trim().is_empty(),
            Node::Action(_)
            | Node::If(_)
            | Node::With(_)
            | Node::Range(_)
            | Node::Break
            | Node::Continue
            | Node::Template(_) => false,
        })
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(TokenKind::RightDelimiter, CONTEXT)?;
        let (nodes, end) = self.list()?;
        if end != End::End {
            return self.error(format!("unexpected {} in {CONTEXT}", end.text()));
        }
        self.add(name, nodes)?;
        self.scope = outer;
        Ok(())
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Result<EcoString> {
        if !matches!(token.kind, TokenKind::String | TokenKind::RawString) {
            return self.unexpected(token, context);
        }
        self.string(token)
    }

    fn string(&self, token: &Token) -> Result<EcoString> {
        unquote(self.source(token)).map(Into::into).or_else(|problem| self.error(problem))
    }

    fn list(&mut self) -> Result<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        while self.peek_non_space() != TokenKind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Ok((nodes, end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.next_non_space();
        if token.kind == TokenKind::Text {
            return Ok(Item::Node(Node::Text(token.start, token.end)));
        }
        if token.kind != TokenKind::LeftDelimiter {
            return self.unexpected(&token, "input");
        }
        self.scope.action = Some(token.start);
        let item = self.nested(Self::action);
        self.scope.action = None;
        item
    }

    // Actions.

    fn action(&mut self) -> Result<Item> {
        let token = self.next_non_space();
        #[expect(clippy::wildcard_enum_match_arm, reason = "anything else is a pipeline, or is reported as a bad one")]
        Ok(Item::Node(match token.kind {
            TokenKind::Block => self.block()?,
            TokenKind::Break => self.leave("{{break}}", Node::Break)?,
            TokenKind::Continue => self.leave("{{continue}}", Node::Continue)?,
            TokenKind::Else => {
                // "else if" and "else with": the word that follows is left for the list's owner.
                if !matches!(self.peek_non_space(), TokenKind::If | TokenKind::With) {
                    self.expect(TokenKind::RightDelimiter, "else")?;
                }
                return Ok(Item::End(End::Else));
            }
            TokenKind::End => {
                self.expect(TokenKind::RightDelimiter, "end")?;
                return Ok(Item::End(End::End));
            }
            TokenKind::If => Node::If(self.branch("if", Some(TokenKind::If))?),
            TokenKind::Range => Node::Range(self.branch("range", None)?),
            TokenKind::Template => self.template()?,
            TokenKind::With => Node::With(self.branch("with", Some(TokenKind::With))?),
            _ => {
                let pos = token.start;
                self.back(token);
                Node::Action(Action { pos, pipe: self.pipeline("command", TokenKind::RightDelimiter)? })
            }
        }))
    }

    fn leave(&mut self, what: &str, node: Node) -> Result<Node> {
        self.expect(TokenKind::RightDelimiter, what)?;
        if self.scope.loops == 0 {
            return self.error(format!("{what} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn branch(&mut self, context: &str, chained: Option<TokenKind>) -> Result<Branch> {
        let variables = self.scope.variables.len();
        let pipe = self.pipeline(context, TokenKind::RightDelimiter)?;
        let loops = usize::from(context == "range");
        self.scope.loops += loops;
        let (then, end) = self.list()?;
        self.scope.loops -= loops;
        let mut otherwise = Vec::new();
        if end == End::Else {
            if let Some(word) = chained.filter(|word| self.peek() == *word) {
                // `{{if a}}_{{else if b}}_{{end}}` is `{{if a}}_{{else}}{{if b}}_{{end}}{{end}}`.
                self.next();
                let inner = self.nested(|p| p.branch(context, chained))?;
                otherwise.push(if word == TokenKind::If { Node::If(inner) } else { Node::With(inner) });
            } else {
                let end;
                (otherwise, end) = self.list()?;
                if end != End::End {
                    return self.error(format!("expected end; found {}", end.text()));
                }
            }
        }
        self.scope.variables.truncate(variables);
        Ok(Branch { pipe, then, otherwise })
    }

    fn block(&mut self) -> Result<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, TokenKind::RightDelimiter)?;
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let (nodes, end) = self.list()?;
        self.scope = outer;
        if end != End::End {
            return self.error(format!("unexpected {} in {CONTEXT}", end.text()));
        }
        self.add(name.clone(), nodes)?;
        Ok(Node::Template(Invocation { pos: token.start, name, pipe: Some(pipe) }))
    }

    fn template(&mut self) -> Result<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let next = self.next_non_space();
        let pipe = if next.kind == TokenKind::RightDelimiter {
            None
        } else {
            self.back(next);
            Some(self.pipeline(CONTEXT, TokenKind::RightDelimiter)?)
        };
        Ok(Node::Template(Invocation { pos: token.start, name, pipe }))
    }

    // Pipelines.

    fn variable(&mut self, name: &str) -> Variable {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let id = *self.ids.entry(name.into()).or_insert(next);
        Variable { name: name.into(), id }
    }

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Result<Pipe> {
        let mut pipe = Pipe { pos: self.position(), ..Pipe::default() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            if token.kind == end {
                break;
            }
            if !token.kind.starts_operand() {
                return self.unexpected(&token, context);
            }
            self.back(token);
            let command = self.command()?;
            pipe.commands.push(command);
        }
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            // Only the first command can be a value.
            if let Some(
                WordKind::Bool(_) | WordKind::Dot | WordKind::Nil | WordKind::Number(_) | WordKind::String(_, _),
            ) = command.words.first().map(|w| &w.kind)
            {
                return self.error(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(pipe)
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<()> {
        while self.peek_non_space() == TokenKind::Variable {
            let token = self.next_non_space();
            let after = self.next();
            let next = if after.kind == TokenKind::Space { self.next_non_space() } else { after.clone() };
            let comma = next.kind == TokenKind::Char && self.source(&next) == ",";
            if !comma && !matches!(next.kind, TokenKind::Assign | TokenKind::Declare) {
                // No declaration: the variable is an operand.
                self.back(next);
                if after.kind == TokenKind::Space {
                    self.back(after);
                }
                self.back(token);
                return Ok(());
            }
            let name = self.source(&token);
            let variable = self.variable(name);
            self.scope.variables.push(variable.name.clone());
            pipe.variables.push(variable);
            if !comma {
                pipe.assigns = next.kind == TokenKind::Assign;
                return Ok(());
            }
            if context != "range" || pipe.variables.len() >= 2 {
                return self.error(format!("too many declarations in {context}"));
            }
            let next = self.peek_non_space();
            if !matches!(next, TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen) {
                return self.error("range can only initialize variables");
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let mut command = Command { pos: self.position(), words: Vec::new() };
        loop {
            // Skips spaces.
            self.peek_non_space();
            if let Some(word) = self.operand()? {
                command.words.push(word);
            }
            let token = self.next();
            if matches!(token.kind, TokenKind::RightDelimiter | TokenKind::RightParen) {
                self.back(token);
                break;
            }
            if token.kind == TokenKind::Pipe {
                break;
            }
            if token.kind != TokenKind::Space {
                return self.unexpected(&token, "operand");
            }
        }
        if command.words.is_empty() {
            return self.error("empty command");
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Word>> {
        let Some(mut word) = self.term()? else { return Ok(None) };
        if self.peek() != TokenKind::Field {
            return Ok(Some(word));
        }
        let mut fields = Vec::new();
        let pos = self.position();
        while self.peek() == TokenKind::Field {
            let token = self.next();
            fields.push(self.source(&token).get(1..).unwrap_or_default().into());
        }
        match &mut word.kind {
            WordKind::Field(names) | WordKind::Variable(_, names) => {
                names.append(&mut fields);
                word.pos = pos;
            }
            WordKind::Bool(_) | WordKind::String(_, _) | WordKind::Number(_) | WordKind::Nil | WordKind::Dot => {
                return self.error(format!("unexpected . after term {}", quote(&word.to_string())));
            }
            WordKind::Function(_, _) | WordKind::Chain(_, _) | WordKind::Pipe(_) => {
                word = Word { pos, kind: WordKind::Chain(Box::new(word), fields) };
            }
        }
        Ok(Some(word))
    }

    fn function(&self, name: &str) -> Option<Function> {
        self.functions.get(name).or_else(|| builtin::functions().get(name)).cloned()
    }

    fn term(&mut self) -> Result<Option<Word>> {
        let token = self.next_non_space();
        let text = self.source(&token);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the caller reports every other token")]
        let kind = match token.kind {
            TokenKind::Identifier => match self.function(text) {
                Some(function) => WordKind::Function(text.into(), function),
                None => return self.error(format!("function {} not defined", quote(text))),
            },
            TokenKind::Dot => WordKind::Dot,
            TokenKind::Nil => WordKind::Nil,
            TokenKind::Variable => {
                if !self.scope.variables.iter().any(|name| name == text) {
                    return self.error(format!("undefined variable {}", quote(text)));
                }
                WordKind::Variable(self.variable(text), Vec::new())
            }
            TokenKind::Field => WordKind::Field(vec![text.get(1..).unwrap_or_default().into()]),
            TokenKind::Bool => WordKind::Bool(text == "true"),
            TokenKind::CharConstant | TokenKind::Complex | TokenKind::Number => match Number::parse(text, token.kind) {
                Ok(number) => WordKind::Number(Box::new(number)),
                Err(problem) => return self.error(problem),
            },
            TokenKind::LeftParen => {
                let pipe = self.nested(|p| p.pipeline("parenthesized pipeline", TokenKind::RightParen))?;
                // The error for a parenthesis is at the start of its contents.
                return Ok(Some(Word { pos: pipe.pos, kind: WordKind::Pipe(Box::new(pipe)) }));
            }
            TokenKind::String | TokenKind::RawString => WordKind::String(text.into(), self.string(&token)?),
            _ => {
                self.back(token);
                return Ok(None);
            }
        };
        Ok(Some(Word { pos: token.start, kind }))
    }
}
