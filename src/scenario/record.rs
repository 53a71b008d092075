//! Three macros that say a type, its TOML form, its JSON Schema and its documentation in one place.

/// A table with known keys. A field's doc comment is also its description in the schema and the docs.
///
/// A field of type `Option`, `Vec` or `Named` may be absent; every other must be there.
macro_rules! record {
    ($(#[doc = $doc:literal])+ pub struct $name:ident {
        $($(#[doc = $field_doc:literal])+ pub $field:ident: $kind:ty,)*
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: $kind,)*
        }

        impl $crate::scenario::decode::Decode for $name {
            fn decode(
                node: $crate::scenario::decode::Node<'_>,
                sink: &mut $crate::scenario::problem::Sink,
            ) -> Self {
                let fields = node.fields(concat!($($doc),+).trim(), sink);
                Self::from_fields(fields, sink)
            }

            fn hole() -> Self {
                Self { $($field: $crate::scenario::decode::Decode::hole(),)* }
            }

            fn schema(
                definitions: &mut $crate::scenario::decode::Definitions,
            ) -> serde_json::Value {
                let fields = vec![$($crate::scenario::schema::field::<$kind>(
                    stringify!($field),
                    concat!($($field_doc, "\n"),+),
                    definitions,
                ),)*];
                $crate::scenario::schema::record(stringify!($name), concat!($($doc, "\n"),+), &fields, definitions)
            }
        }

        impl $name {
            /// Reads the record from fields that may come from several tables.
            pub(crate) fn from_fields(
                mut fields: $crate::scenario::decode::Fields<'_>,
                sink: &mut $crate::scenario::problem::Sink,
            ) -> Self {
                // A record without keys takes nothing out.
                let _: &mut $crate::scenario::decode::Fields<'_> = &mut fields;
                $(let $field = fields.field(
                    $crate::scenario::schema::key(stringify!($field)),
                    sink,
                );)*
                fields.finish(&[$($crate::scenario::schema::key(stringify!($field))),*], sink);
                Self { $($field,)* }
            }
        }
    };
}

/// A table with exactly one key, which says what its value is (an externally tagged choice).
macro_rules! choice {
    ($(#[doc = $doc:literal])+ pub enum $name:ident {
        $($(#[doc = $variant_doc:literal])+ $variant:ident($kind:ty) = $tag:literal,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant($kind),)+
        }

        impl $name {
            const TAGS: &'static [&'static str] = &[$($tag),+];

            /// Returns the word that the scenario uses for this choice.
            pub fn tag(&self) -> &'static str {
                match self { $(Self::$variant(_) => $tag,)+ }
            }
        }

        impl $crate::scenario::decode::Decode for $name {
            fn decode(
                node: $crate::scenario::decode::Node<'_>,
                sink: &mut $crate::scenario::problem::Sink,
            ) -> Self {
                let mut fields = node.fields(concat!($($doc),+).trim(), sink);
                let mut found = Vec::new();
                $(if let Some((place, inner)) = fields.take($tag) {
                    let value = $crate::scenario::decode::Decode::decode(inner, sink);
                    found.push((place, Self::$variant(value)));
                })+
                $crate::scenario::schema::one_choice(found, fields, Self::TAGS, sink)
                    .unwrap_or_else($crate::scenario::decode::Decode::hole)
            }

            fn hole() -> Self {
                let mut holes = [$(|| Self::$variant($crate::scenario::decode::Decode::hole())),+].into_iter();
                holes.next().expect("a choice has variants")()
            }

            fn schema(
                definitions: &mut $crate::scenario::decode::Definitions,
            ) -> serde_json::Value {
                let variants = vec![$(
                    ($tag, concat!($($variant_doc, "\n"),+), <$kind as $crate::scenario::decode::Decode>::schema(definitions)),
                )+];
                $crate::scenario::schema::choice(stringify!($name), concat!($($doc, "\n"),+), variants, definitions)
            }
        }
    };
}

/// One word out of a few.
macro_rules! words {
    ($(#[doc = $doc:literal])+ pub enum $name:ident {
        $($(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)+
        }

        impl $name {
            /// Every choice, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::scenario::decode::Decode for $crate::scenario::source::At<$name> {
            fn decode(
                node: $crate::scenario::decode::Node<'_>,
                sink: &mut $crate::scenario::problem::Sink,
            ) -> Self {
                let found = $crate::scenario::schema::one_word(node, &[$($word),+], sink);
                found.map_or_else($crate::scenario::decode::Decode::hole, |index| Self {
                    value: $name::ALL[index],
                    place: node.place,
                })
            }

            fn hole() -> Self {
                Self { value: $name::ALL[0], place: $crate::scenario::source::Place::NOWHERE }
            }

            fn schema(
                _: &mut $crate::scenario::decode::Definitions,
            ) -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),+], "description": concat!($($doc, "\n"),+).trim() })
            }
        }
    };
}

pub(crate) use {choice, record, words};
