/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns by name, in the text of SQL and in the numbers that C knows them by.
 *
 * Queries whose columns are known by name: a list macro NAME_COLUMNS(X) has X(CONSTANT, "expression")
 * for each, once, and makes both the numbers and the text:
 *
 *   enum { NAME_COLUMNS(STORE_COLUMN_ENUM) };
 *   STORE_SELECT(NAME_COLUMNS) "FROM ..."       (a NULL takes the last comma)
 *
 * To write a row, with parameters that have the numbers of the enum when its first constant is 1:
 *
 *   "INSERT INTO name (" NAME_COLUMNS(STORE_COLUMN_SQL) "id) VALUES ("
 *   NAME_COLUMNS(STORE_COLUMN_PLACE) "?)"
 *
 * with STORE_COLUMN_NAMED instead of _PLACE where one is needed again (":name"); to change one,
 * "UPDATE name SET " NAME_COLUMNS(STORE_COLUMN_SET) "last = ? WHERE id = ?", and after
 * "ON CONFLICT DO UPDATE SET " NAME_COLUMNS(STORE_COLUMN_NEWER). The last column is written by hand,
 * for its comma. A few parameters that are no columns have an enum in the order of their "?".
 * No number is written where a column or a parameter is meant, but for the only one of its kind
 * (tests/common/columns.sh).
 */
#ifndef DEARTH_COLUMNS_H
#define DEARTH_COLUMNS_H

#define STORE_COLUMN_ENUM(constant, expression)  constant,
#define STORE_COLUMN_SQL(constant, expression)   expression ", "
#define STORE_COLUMN_PLACE(constant, expression) "?, "
#define STORE_COLUMN_NAMED(constant, expression) ":" expression ", "
#define STORE_COLUMN_SET(constant, expression)   expression " = ?, "
#define STORE_COLUMN_NEWER(constant, expression) expression " = excluded." expression ", "
/* An array that goes to, or comes from, the columns from @first to @last, one after another. */
#define STORE_COLUMNS_MATCH(array, first, last)                                          \
    _Static_assert(sizeof(array) / sizeof *(array) == (last) - (first) + 1,              \
                   "one value a column")
#define STORE_SELECT(columns) "SELECT " columns(STORE_COLUMN_SQL) "NULL "

#endif
