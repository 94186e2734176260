import type { ColumnInfo, RunResult } from "../between/values.ts";
import type { PreparedStatement, RowShape, Shape } from "./driver.ts";

export type { RowShape };

/** What a statement needs of its database, which may go over to another driver between two runs. */
export interface StatementHome {
  /** Another one for each driver. */
  readonly epoch: number;
  /** Before the statement does something; afterwards `end`, which never throws. */
  begin(): void;
  end(): void;
  compile(sql: string): PreparedStatement;
}

/** The database that a statement is of. */
export interface StatementDatabase {
  readonly name: string;
  readonly inTransaction: boolean;
}

/** A statement in the shape of better-sqlite3's. */
export class StatementSync {
  readonly database: StatementDatabase;
  /** The SQL as it was given. */
  readonly source: string;
  readonly #home: StatementHome;
  #prepared: PreparedStatement;
  #epoch: number;
  #shape: Shape = "rows";
  #safeIntegers = false;
  #bound: readonly unknown[] | undefined;

  constructor(database: StatementDatabase, home: StatementHome, source: string) {
    this.database = database;
    this.source = source;
    this.#home = home;
    this.#prepared = home.compile(source);
    this.#epoch = home.epoch;
  }

  /** Whether it returns rows. */
  get reader(): boolean {
    return this.#prepared.reader;
  }

  /** Whether it leaves the database as it is. */
  get readonly(): boolean {
    return this.#prepared.readonly;
  }

  /** Whether an iteration of it is under way. */
  get busy(): boolean {
    return this.#prepared.busy;
  }

  /** The first row, or undefined. */
  get(...parameters: readonly unknown[]): RowShape | undefined {
    const home = this.#home;
    home.begin();
    try {
      return this.#current().get(...parameters);
    } finally {
      home.end();
    }
  }

  all(...parameters: readonly unknown[]): RowShape[] {
    const home = this.#home;
    home.begin();
    try {
      return this.#current().all(...parameters);
    } finally {
      home.end();
    }
  }

  /** Runs it to its end, and forgets its rows. */
  run(...parameters: readonly unknown[]): RunResult {
    const home = this.#home;
    home.begin();
    try {
      return this.#current().run(...parameters);
    } finally {
      home.end();
    }
  }

  /** The rows one by one. Leaving it early ends the statement. */
  *iterate(...parameters: readonly unknown[]): Generator<RowShape, void, undefined> {
    const home = this.#home;
    home.begin();
    try {
      yield* this.#current().iterate(...parameters);
    } finally {
      home.end();
    }
  }

  /** Binds for good: from then on no other parameters are taken. */
  bind(...parameters: readonly unknown[]): this {
    this.#prepared.bind(...parameters);
    this.#bound = parameters;
    return this;
  }

  /** The first column only. */
  pluck(isOn = true): this {
    return this.#become("pluck", isOn);
  }

  /** Rows as arrays. */
  raw(isOn = true): this {
    return this.#become("raw", isOn);
  }

  /** Rows with an object for each table. */
  expand(isOn = true): this {
    return this.#become("expand", isOn);
  }

  /** Whether integers are bigints, whatever their size. Otherwise only those are that must be. */
  safeIntegers(isOn = true): this {
    this.#prepared.safeIntegers(isOn);
    this.#safeIntegers = isOn;
    return this;
  }

  columns(): ColumnInfo[] {
    this.#home.begin();
    try {
      return this.#current().columns();
    } finally {
      this.#home.end();
    }
  }

  /** Of its columns, as of its last execution. */
  get names(): readonly string[] {
    return this.#prepared.names;
  }

  /** Gives its memory back. Nothing else can be done with it then. */
  finalize(): void {
    if (this.#epoch === this.#home.epoch) this.#prepared.finalize();
  }

  #become(shape: Exclude<Shape, "rows">, isOn: boolean): this {
    this.#prepared[shape](isOn);
    if (isOn) this.#shape = shape;
    else if (this.#shape === shape) this.#shape = "rows";
    return this;
  }

  /** As the driver that runs now has it. */
  #current(): PreparedStatement {
    if (this.#epoch !== this.#home.epoch) this.#prepareAnew();
    return this.#prepared;
  }

  #prepareAnew(): void {
    const prepared = this.#home.compile(this.source);
    if (this.#shape !== "rows") prepared[this.#shape]();
    prepared.safeIntegers(this.#safeIntegers);
    if (this.#bound !== undefined) prepared.bind(...this.#bound);
    this.#prepared = prepared;
    this.#epoch = this.#home.epoch;
  }
}
