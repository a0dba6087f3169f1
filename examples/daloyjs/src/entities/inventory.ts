import { PrimaryKeyProp } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/es';

/** What is left of an article. */
@Entity()
export class Inventory {
  [PrimaryKeyProp]?: 'sku';

  @PrimaryKey({ type: 'string' })
  sku!: string;

  @Property({ type: 'integer' })
  stock!: number;
}
