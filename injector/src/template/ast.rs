//! The parse tree. Its nodes print as Go prints them, for errors.

use std::fmt;

use super::function::Function;
use super::number::Number;
use super::quote::quote;
use super::value::EcoString;

/// A place in the template: a byte offset in its text.
pub(super) type Position = usize;

/// One template: the whole text's, or that of a `define` or `block`.
#[derive(Default)]
pub(super) struct Tree {
    pub name: EcoString,
    pub nodes: Vec<Node>,
}

/// What a template consists of.
pub(super) enum Node {
    /// Text from one offset up to another.
    Text(Position, Position),
    Action(Action),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    Template(Invocation),
}

/// `{{pipeline}}`
pub(super) struct Action {
    pub pos: Position,
    pub pipe: Pipe,
}

/// `{{if}}`, `{{with}}`, `{{range}}`
pub(super) struct Branch {
    pub pipe: Pipe,
    pub then: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// `{{template "name" pipeline}}`
pub(super) struct Invocation {
    pub pos: Position,
    pub name: EcoString,
    pub pipe: Option<Pipe>,
}

/// `$x := command | command`
#[derive(Default)]
pub(super) struct Pipe {
    pub pos: Position,
    pub assigns: bool,
    pub variables: Vec<Variable>,
    pub commands: Vec<Command>,
}

/// A variable: its name, `$` included, and the number used for the name.
#[derive(Clone)]
pub(super) struct Variable {
    pub name: EcoString,
    pub id: u32,
}

/// A word and its arguments.
pub(super) struct Command {
    pub pos: Position,
    pub words: Vec<Word>,
}

/// An operand.
pub(super) struct Word {
    pub pos: Position,
    pub kind: WordKind,
}

/// What operands there are.
pub(super) enum WordKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    /// The literal as it was written, and its text.
    String(EcoString, EcoString),
    Field(Vec<EcoString>),
    Variable(Variable, Vec<EcoString>),
    Function(EcoString, Function),
    Chain(Box<Word>, Vec<EcoString>),
    Pipe(Box<Pipe>),
}

/// What an error is reported at.
#[derive(Clone, Copy)]
pub(super) enum At<'t> {
    Nothing,
    Pipe(&'t Pipe),
    Command(&'t Command),
    Word(&'t Word),
    Action(&'t Action),
    Template(&'t Invocation),
}

impl At<'_> {
    pub fn pos(self) -> Position {
        match self {
            At::Nothing => 0,
            At::Pipe(p) => p.pos,
            At::Command(c) => c.pos,
            At::Word(w) => w.pos,
            At::Action(a) => a.pos,
            At::Template(t) => t.pos,
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Nothing => Ok(()),
            At::Pipe(p) => p.fmt(f),
            At::Command(c) => c.fmt(f),
            At::Word(w) => w.fmt(f),
            At::Action(a) => write!(f, "{{{{{}}}}}", a.pipe),
            At::Template(t) => {
                write!(f, "{{{{template {}", quote(&t.name))?;
                t.pipe.iter().try_for_each(|p| write!(f, " {p}"))?;
                f.write_str("}}")
            }
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, variable) in self.variables.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            f.write_str(&variable.name)?;
        }
        if !self.variables.is_empty() {
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            f.write_str(if i > 0 { " | " } else { "" })?;
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.words.iter().enumerate() {
            f.write_str(if i > 0 { " " } else { "" })?;
            word.write_operand(f)?;
        }
        Ok(())
    }
}

impl Word {
    /// As written among other words: a pipeline in its parentheses.
    fn write_operand(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let WordKind::Pipe(pipe) = &self.kind { write!(f, "({pipe})") } else { fmt::Display::fmt(self, f) }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, fields: &[EcoString]| {
            fields.iter().try_for_each(|field| write!(f, ".{field}"))
        };
        match &self.kind {
            WordKind::Dot => f.write_str("."),
            WordKind::Nil => f.write_str("nil"),
            WordKind::Bool(b) => b.fmt(f),
            WordKind::Number(number) => f.write_str(&number.text),
            WordKind::String(quoted, _) => f.write_str(quoted),
            WordKind::Field(names) => fields(f, names),
            WordKind::Variable(variable, names) => {
                f.write_str(&variable.name)?;
                fields(f, names)
            }
            WordKind::Function(name, _) => f.write_str(name),
            WordKind::Chain(word, names) => {
                word.write_operand(f)?;
                fields(f, names)
            }
            WordKind::Pipe(pipe) => pipe.fmt(f),
        }
    }
}
