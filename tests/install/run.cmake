# Installs BUILD into a fresh prefix, builds this folder's project against it with CXX, and runs it all.
set(work ${BUILD}/install-test)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${code}\n${output}")
  endif()
endfunction()

set(model ${SOURCE}/tests/data/tiny.safetensors)
string(REPEAT "${SOURCE}/samples/roman-colosseum-small.png;" 9 photos)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install -B ${work}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${work}/prefix
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/use_c ${model})
run(${work}/build/use_cpp ${model})
run(${work}/prefix/bin/compass --version)
# Pictures are read and written by a module that the installed command has to find.
run(${work}/prefix/bin/compass encode ${SOURCE}/samples/perched-osprey.png ${work}/photo.cmps --model ${model})
run(${work}/prefix/bin/compass decode ${work}/photo.cmps ${work}/photo.png --model ${model})
# Filters are fitted by another.
run(${work}/prefix/bin/compass fit ${model} ${work}/fitted.safetensors ${photos} --directions 0)
# And the model that nobody names is the installed one.
run(${CMAKE_COMMAND} -E env --unset=COMPASS_MODEL_PATH
    ${work}/prefix/bin/compass encode ${SOURCE}/samples/perched-osprey.png ${work}/unnamed.cmps)

# Nothing installed says where it was built: neither search paths nor texts. (Assertions, where they are compiled, name
# their source; and a path of one part, as /compass, is part of others.)
if(BUILD_TYPE MATCHES "^(Release|MinSizeRel)$")
  foreach(place ${SOURCE} ${BUILD})
    if(place MATCHES "^/[^/]+$")
      continue()
    endif()
    execute_process(COMMAND grep -rlaF ${place} ${work}/prefix OUTPUT_VARIABLE found RESULT_VARIABLE code)
    if(NOT code EQUAL 1)
      message(FATAL_ERROR "${place} is in what was installed (${code}):\n${found}")
    endif()
  endforeach()
endif()
