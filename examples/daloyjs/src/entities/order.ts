import { defineEntity, p } from '@mikro-orm/core';
import { Inventory } from './inventory.ts';

const OrderSchema = defineEntity({
  name: 'Order',
  properties: {
    id: p.uuid().primary().defaultRaw('gen_random_uuid()'),
    item: () => p.manyToOne(Inventory).ref(),
    qty: p.integer(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
});

export class Order extends OrderSchema.class {}
OrderSchema.setClass(Order);
