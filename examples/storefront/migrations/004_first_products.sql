INSERT IGNORE INTO product (sku, name, summary, description, price_cents, hue, position) VALUES
('storm-kettle', 'Storm Kettle', 'Boils a litre on a handful of twigs.', 'A double-walled chimney with water around the fire. Wind only makes it faster. Folded tin, brass spout, a cork on a chain.', 8900, 205, 10),
('enamel-mug', 'Enamel Mug', 'Chips with honour.', 'Half a litre of steel under two coats of enamel, with a rim that keeps its colour. Survives a fall into the stream, and the search for it.', 1450, 8, 20),
('wax-jacket', 'Waxed Jacket', 'Heavy cotton, rewaxed for life.', 'Twelve-ounce cotton, waxed by hand. Two pockets for maps, one for a sandwich. Send it back every few winters and it returns darker and drier.', 24900, 88, 30),
('river-lamp', 'River Lamp', 'A small light with a long evening.', 'A lantern for one candle or one very small lamp, with glass that slides up on the lee side.', 6200, 42, 40),
('wool-blanket', 'Lock-Keeper''s Blanket', 'Warm when wet, which is the point.', 'Woven from the wool of hill sheep in a mill that still listens to the river. One metre forty by two.', 13900, 268, 50),
('rope-basket', 'Rope Basket', 'Mooring line, retired.', 'Coiled and stitched from rope that has held boats. Carries logs, loaves or one patient cat.', 4800, 28, 60),
('tide-clock', 'Tide Clock', 'Tells you when, not what for.', 'One hand, one turn in twelve hours and twenty-five minutes. Oak case, printed dial, no alarm.', 11200, 190, 70),
('field-notes', 'Rainproof Notebook', 'Writes upside down in a shower.', 'Ninety-six pages of stone paper between card covers, with a loop for the pencil that comes along.', 1200, 150, 80);
