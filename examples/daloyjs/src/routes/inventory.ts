import type { App } from '@daloyjs/core';
import { serialize } from '@mikro-orm/core';
import { Inventory } from '../entities/inventory.ts';
import { inventory, problem, refused, sku, stock } from '../schemas.ts';

export function inventories(app: App): void {
  app.route({
    method: 'GET',
    path: '/inventory/:sku',
    operationId: 'getInventory',
    request: { params: sku },
    responses: {
      200: { description: 'What is left', body: inventory },
      404: { description: 'No such article', body: problem },
      422: refused,
    },
    handler: async ({ params, state }) => {
      const found = await state.em.findOneOrFail(Inventory, params.sku);
      return { status: 200, body: serialize(found) };
    },
  });

  app.route({
    method: 'PUT',
    path: '/inventory/:sku',
    operationId: 'setInventory',
    request: { params: sku, body: stock },
    responses: { 200: { description: 'What is left now', body: inventory }, 422: refused },
    handler: async ({ params, body, state }) => {
      const set = await state.em.upsert(Inventory, { sku: params.sku, stock: body.stock });
      return { status: 200, body: serialize(set) };
    },
  });
}
