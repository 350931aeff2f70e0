/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: new (std::nothrow) may return a null pointer, which is not checked.
 * Fixed: checked.
 *
 * expect: *make_shape* once=crashed sticky=crashed
 * expect fixed: *make_shape* once=reported sticky=reported
 */
#include <cstdio>
#include <new>

struct Shape {
    virtual ~Shape() = default;
    virtual int area() const = 0;
};
struct Square : Shape {
    int side = 3;
    int area() const override {
        return side * side;
    }
};

__attribute__((noinline)) static Shape *make_shape() {
    Shape *shape = new (std::nothrow) Square;
    __asm__ volatile("" : "+r"(shape));
    return shape;
}

int main() {
    Shape *shape = make_shape();
#ifdef FIXED
    if (!shape)
        return 1;
#endif
    std::printf("%d\n", shape->area());
    delete shape;
    return 0;
}
