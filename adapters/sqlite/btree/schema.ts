/** The root of the b-tree that the schema itself is in: section 2.6 of the file format. */
export const SCHEMA_ROOT = 1;

export type SchemaKind =
  | "table" // by rowid
  | "without-rowid" // a table whose b-tree is of the kind of an index
  | "virtual" // a table that a module keeps in shadow tables, or elsewhere
  | "index"
  | "autoindex" // an index that a UNIQUE or PRIMARY KEY made
  | "view"
  | "trigger";

/** A table, index, view or trigger. */
export interface SchemaObject {
  readonly kind: SchemaKind;
  readonly name: string;
  /** The table that an index or trigger belongs to; else its own name. */
  readonly table: string;
  /** The root page of its b-tree, or 0 where it has none. */
  readonly rootPage: number;
  /** The statement that made it. Undefined for what SQLite made by itself. */
  readonly sql: string | undefined;
  /** The module of a virtual table, in lower case. */
  readonly module: string | undefined;
}

/** What the modules that come with SQLite append to a virtual table's name, after "_". */
const SHADOWS: ReadonlyMap<string, readonly string[]> = new Map([
  ["fts3", ["content", "segments", "segdir", "docsize", "stat"]],
  ["fts4", ["content", "segments", "segdir", "docsize", "stat"]],
  ["fts5", ["data", "idx", "content", "docsize", "config"]],
  ["rtree", ["node", "rowid", "parent"]],
  ["rtree_i32", ["node", "rowid", "parent"]],
  ["geopoly", ["node", "rowid", "parent"]],
]);

/** Everything that a database says it has. Names are the same in upper and lower case. */
export class Schema {
  readonly objects: readonly SchemaObject[];
  readonly #tables = new Map<string, SchemaObject>();
  /** By the name of the table. */
  readonly #indexes = new Map<string, SchemaObject[]>();

  constructor(objects: readonly SchemaObject[]) {
    this.objects = objects;
    for (const object of objects) {
      const table = fold(object.table);
      if (isIndex(object.kind)) {
        const indexes = this.#indexes.get(table);
        if (indexes === undefined) this.#indexes.set(table, [object]);
        else indexes.push(object);
      } else if (object.kind !== "trigger") this.#tables.set(fold(object.name), object);
    }
  }

  /** The root of every b-tree: of the schema, and then in the order in which they were made. */
  rootPages(): number[] {
    const roots = this.objects.map(({ rootPage }) => rootPage).filter((root) => root !== 0);
    return [SCHEMA_ROOT, ...roots];
  }

  /**
   * The roots of the b-trees that a table is in, and its indexes unless they are not wanted. Of a
   * virtual table these are its shadow tables.
   *
   * @throws {RangeError} when there is no table of this name. A view is none.
   */
  rootPagesOf(table: string, options: { indexes?: boolean } = {}): number[] {
    const { indexes = true } = options;
    if (["sqlite_schema", "sqlite_master"].includes(fold(table))) return [SCHEMA_ROOT];
    const found = this.#tables.get(fold(table));
    if (found === undefined) throw new RangeError(`the database has no table ${table}`);
    if (found.kind === "view") throw new RangeError(`${table} is a view, and no table`);
    return [found, ...this.shadowsOf(table)].flatMap(({ name, rootPage }) => [
      ...(rootPage === 0 ? [] : [rootPage]),
      ...(indexes ? this.indexesOf(name).map((index) => index.rootPage) : []),
    ]);
  }

  /** The indexes of a table, those that SQLite made by itself too. */
  indexesOf(table: string): readonly SchemaObject[] {
    return this.#indexes.get(fold(table)) ?? [];
  }

  /**
   * The tables in which a virtual table keeps its rows. They are known by name only: of a module
   * that does not come with SQLite, all whose names begin with that of the virtual table and "_".
   */
  shadowsOf(table: string): SchemaObject[] {
    const virtual = this.#tables.get(fold(table));
    if (virtual?.kind !== "virtual") return [];
    const prefix = `${fold(table)}_`;
    const endings = SHADOWS.get(virtual.module ?? "");
    return [...this.#tables].flatMap(([name, object]) => {
      const isShadow = name.startsWith(prefix) && object.rootPage !== 0;
      return isShadow && (endings?.includes(name.slice(prefix.length)) ?? true) ? [object] : [];
    });
  }
}

/** Whether objects of this kind have a b-tree of their own. */
export function hasBTree(kind: SchemaKind): boolean {
  return kind === "table" || kind === "without-rowid" || isIndex(kind);
}

function isIndex(kind: SchemaKind): boolean {
  return kind === "index" || kind === "autoindex";
}

/** As SQLite compares names: only the letters of ASCII have two cases. */
function fold(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
