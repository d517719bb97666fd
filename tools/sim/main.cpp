// kith-sim: the same node composition in a world of its own.
#include "commands.hpp"

int main(int argc, char** argv) { return kith::tool::simulate(argc, argv); }
